/**
 * Tokens that the server itself issues, signed by a secret that it made (HS256): connect tokens, good for a minute to
 * log in with, and longer ones that an operator asks for. Taken at login in every mode.
 */
import { createHash, randomUUID } from "node:crypto";
import { fail, ok, type Result } from "@parley/protocol";
import { decodeJwt, SignJWT } from "jose";
import type { Identity, Rights } from "../core/identity.ts";
import { type ClaimLimits, identityOf, type ParleyClaim } from "./claims.ts";
import { givenKeys } from "./key-source.ts";
import { type Issuer, readHeader, verifyToken } from "./token-verifier.ts";

/** How long a connect token may be used to log in. */
export const connectTokenMs = 60_000;
const issuerName = "parley";
/** The claim of a connect token that says when sessions end which began by it: a NumericDate. */
const sessionEnd = "session_exp";

export interface IssuedToken {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly tokenId: string;
}

export interface OwnTokensOptions {
  readonly secret: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly limits: ClaimLimits;
}

export class OwnTokens {
  readonly #key: Uint8Array;
  readonly #keyId: string;
  readonly #issuer: Issuer;
  readonly #now: () => number;
  readonly #limits: ClaimLimits;

  constructor({ secret, now, limits }: OwnTokensOptions) {
    this.#key = Buffer.from(secret);
    // Tells our tokens from those of other issuers, and those of a server whose store was replaced.
    this.#keyId = `parley-${createHash("sha256").update(`key id ${secret}`).digest("base64url").slice(0, 12)}`;
    const key = { id: this.#keyId, algorithms: ["HS256"], key: this.#key };
    this.#issuer = { keys: givenKeys([key]), audience: issuerName, name: issuerName, skewMs: limits.skewMs };
    this.#now = now;
    this.#limits = limits;
  }

  /** A token that lives until `expiresAt` (ms), for sessions of that user. */
  issue(user: string, expiresAt: number, restrictions: ParleyClaim = {}): Promise<IssuedToken> {
    return this.#sign(user, expiresAt, randomUUID(), restrictions, {});
  }

  /** A token to log in with within a minute, as whom the identity is, for sessions that last as long as it does. */
  connectToken({ user, device, rights, tokenId, expiresAt }: Identity): Promise<IssuedToken> {
    const restrictions = claimOf(device, rights);
    const until = Math.min(expiresAt, this.#now() + connectTokenMs);
    const name = typeof user === "string" ? user : user.name;
    const end = Number.isFinite(expiresAt) ? { [sessionEnd]: expiresAt / 1000 } : {};
    // The same id: revoking the token that it was made from revokes it too.
    return this.#sign(name, until, tokenId ?? randomUUID(), restrictions, { ...end, use: "connect" });
  }

  async #sign(
    user: string,
    expiresAt: number,
    tokenId: string,
    parley: ParleyClaim,
    more: Readonly<Record<string, unknown>>,
  ): Promise<IssuedToken> {
    // To the millisecond: what is issued right after a revocation has to stand.
    const iat = this.#now() / 1000;
    const token = await new SignJWT({ iss: issuerName, aud: issuerName, sub: user, iat, jti: tokenId, parley, ...more })
      .setProtectedHeader({ alg: "HS256", typ: "JWT", kid: this.#keyId })
      .setExpirationTime(expiresAt / 1000)
      .sign(this.#key);
    return { token, expiresAt, tokenId };
  }

  /** Whether a token says that it is one of ours: whoever it is from, nobody else's key is of use for it. */
  claims(token: string): boolean {
    return readHeader(token)?.keyId === this.#keyId;
  }

  /** Whether it is a connect token; asked of tokens that were verified. */
  isConnectToken(token: string): boolean {
    return this.claims(token) && decodeJwt(token).use === "connect";
  }

  /** Who somebody is by such a token. Faults: `unauthorized`, `token_expired`. */
  async verify(token: string): Promise<Result<Identity>> {
    const now = this.#now();
    const claims = await verifyToken(token, this.#issuer, now);
    if (!claims.ok) return claims;
    const identity = identityOf(claims.value, now, this.#limits);
    if (!identity.ok) return identity;
    const { use, [sessionEnd]: end } = claims.value;
    if (use !== "connect") return identity;
    const expiresAt = typeof end === "number" ? end * 1000 : Infinity;
    if (expiresAt <= now) return fail("token_expired", "the token has expired");
    return ok({ ...identity.value, expiresAt });
  }
}

/** The claim `parley` that stands for a device and rights. */
function claimOf(device: string | undefined, { send, read, join, administer }: Rights): ParleyClaim {
  return {
    ...(device === undefined ? {} : { device }),
    ...(send === undefined ? {} : { send: [...send] }),
    ...(read === undefined ? {} : { read: [...read] }),
    ...(join === undefined ? {} : { join: [...join] }),
    ...(administer ? { admin: true } : {}),
  };
}
