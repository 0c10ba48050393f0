/**
 * The two kinds of token: app tokens for requests, socket tokens for a handshake whose query may end up in somebody's
 * log. Each is a JWT (RFC 7519) signed by a secret of its own, HS256 and nothing else; the token says whose it is.
 */
import { jwtVerify, SignJWT } from "jose";
import type { Identity } from "../../core/identity.ts";

export type TokenKind = "app" | "socket";

/** Whose a token is, and what was proved to get it: nothing, where names are given for the asking. */
export interface Bearer {
  readonly username: string;
  readonly proof: Omit<Identity, "user"> | undefined;
}

/** Seconds from issue to expiry. */
const lifetimes: { readonly [K in TokenKind]: number } = { app: 30 * 60, socket: 60 };
const algorithm = "HS256";

/** The token of an `Authorization`. */
export function tokenIn(authorization: string): string {
  return authorization.replace(/^Bearer +/i, "");
}

export class Tokens {
  readonly #keys: { readonly [K in TokenKind]: Uint8Array };
  readonly #now: () => number;

  /** `secrets` must differ; `now` is in milliseconds since the epoch. */
  constructor(secrets: { readonly [K in TokenKind]: string }, now: () => number) {
    this.#keys = { app: Buffer.from(secrets.app), socket: Buffer.from(secrets.socket) };
    this.#now = now;
  }

  /** A token with the claims `username` and `exp`, and `proof` where there is one, which it does not outlive. */
  issue(kind: TokenKind, { username, proof }: Bearer): Promise<string> {
    const expiresAt = Math.floor(this.#now() / 1000) + lifetimes[kind];
    // No end is said by no `expiresAt`: JSON has no infinity.
    const { expiresAt: end = Number.POSITIVE_INFINITY } = proof ?? {};
    const claim = Number.isFinite(end) ? proof : { ...proof, expiresAt: undefined };
    return new SignJWT({ username, ...(proof ? { proof: claim } : {}) })
      .setProtectedHeader({ alg: algorithm, typ: "JWT" })
      .setExpirationTime(Math.min(expiresAt, Math.floor(end / 1000)))
      .sign(this.#keys[kind]);
  }

  /** Whose token an `Authorization` is, with or without `Bearer`; undefined: it is not a valid one of these kinds. */
  async verify(authorization: string, ...kinds: TokenKind[]): Promise<Bearer | undefined> {
    for (const kind of kinds) {
      const { username, proof } = (await this.#claims(tokenIn(authorization), kind)) ?? {};
      if (typeof username !== "string") continue;
      // Nobody but this class has signed it.
      const known = proof as Partial<Omit<Identity, "user">> | undefined;
      return { username, proof: known && ({ expiresAt: Number.POSITIVE_INFINITY, ...known } as Bearer["proof"]) };
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
