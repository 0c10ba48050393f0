/**
 * The two kinds of token: app tokens for requests, socket tokens for a handshake whose query may end up in somebody's
 * log. Each is a JWT (RFC 7519) signed by a secret of its own, HS256 and nothing else; the token says whose it is.
 */
import { jwtVerify, SignJWT } from "jose";

export type TokenKind = "app" | "socket";

/** Seconds from issue to expiry. */
const lifetimes: { readonly [K in TokenKind]: number } = { app: 30 * 60, socket: 60 };
const algorithm = "HS256";

export class Tokens {
  readonly #keys: { readonly [K in TokenKind]: Uint8Array };
  readonly #now: () => number;

  /** `secrets` must differ; `now` is in milliseconds since the epoch. */
  constructor(secrets: { readonly [K in TokenKind]: string }, now: () => number) {
    this.#keys = { app: Buffer.from(secrets.app), socket: Buffer.from(secrets.socket) };
    this.#now = now;
  }

  /** A token with the claims `username` and `exp`. */
  issue(kind: TokenKind, username: string): Promise<string> {
    const expiresAt = Math.floor(this.#now() / 1000) + lifetimes[kind];
    return new SignJWT({ username })
      .setProtectedHeader({ alg: algorithm, typ: "JWT" })
      .setExpirationTime(expiresAt)
      .sign(this.#keys[kind]);
  }

  /** Whose token an `Authorization` is, with or without `Bearer`; undefined: it is not a valid one of these kinds. */
  async verify(authorization: string, ...kinds: TokenKind[]): Promise<string | undefined> {
    const token = authorization.replace(/^Bearer +/i, "");
    for (const kind of kinds) {
      const claims = await this.#claims(token, kind);
      if (typeof claims?.username === "string") return claims.username;
    }
    return undefined;
  }

  async #claims(token: string, kind: TokenKind): Promise<Readonly<Record<string, unknown>> | undefined> {
    const options = { algorithms: [algorithm], requiredClaims: ["exp"], currentDate: new Date(this.#now()) };
    try {
      return (await jwtVerify(token, this.#keys[kind], options)).payload;
    } catch {
      return undefined;
    }
  }
}
