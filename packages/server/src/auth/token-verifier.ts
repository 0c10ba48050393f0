/**
 * Checks a token of one issuer: signature by a key that is bound to its algorithm, audience, issuer, times. Of the
 * header only `alg` and `kid` are looked at, to choose among the issuer's keys; keys that a token brings along or points
 * to (`jwk`, `jku`, `x5c`, `x5u`) are not. Used by `token-login.ts` and `own-tokens.ts`.
 */
import { fail, ok, type Result } from "@parley/protocol";
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from "jose";
import type { KeySource } from "./key-source.ts";
import type { VerificationKey } from "./verification-key.ts";

/** What `hello` takes; other ways in are held to it here. */
export const maxTokenCharacters = 8192;

export interface Issuer {
  readonly keys: KeySource;
  readonly audience: string;
  /** Undefined: whoever has the key. */
  readonly name: string | undefined;
  /** How far its clock may be ahead of ours. */
  readonly skewMs: number;
}

/** The header's words that choose a key. */
interface Choice {
  readonly algorithm: string;
  readonly keyId: string | undefined;
}

/** The claims of a token that is valid at `now` (ms). Faults: `unauthorized`, `token_expired`, `internal` where there is no key at all. */
export async function verifyToken(token: string, issuer: Issuer, now: number): Promise<Result<JWTPayload>> {
  const choice = readHeader(token);
  if (!choice) return refused;
  let keys = await issuer.keys.keys(false);
  if (!keys.some((key) => fits(key, choice))) keys = await issuer.keys.keys(true);
  if (keys.length === 0) return fail("internal", "the keys that tokens are checked by cannot be had now", 5_000);
  for (const key of keys) {
    if (!fits(key, choice)) continue;
    const result = await verifyBy(token, key, issuer, now);
    if (result) return result;
  }
  return refused;
}

const refused = fail("unauthorized", "the token is not valid");

/** What a token's header says of its key; undefined: it is no token. */
export function readHeader(token: string): Choice | undefined {
  if (token.length > maxTokenCharacters) return undefined;
  try {
    const { alg, kid } = decodeProtectedHeader(token);
    if (typeof alg !== "string") return undefined;
    return { algorithm: alg, keyId: typeof kid === "string" ? kid : undefined };
  } catch {
    return undefined;
  }
}

function fits({ id, algorithms }: VerificationKey, { algorithm, keyId }: Choice): boolean {
  return algorithms.includes(algorithm) && (id === undefined || keyId === undefined || id === keyId);
}

/** Undefined: another key may be the right one. */
async function verifyBy(
  token: string,
  { key, algorithms }: VerificationKey,
  { audience, name, skewMs }: Issuer,
  now: number,
): Promise<Result<JWTPayload> | undefined> {
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: [...algorithms],
      audience,
      ...(name === undefined ? {} : { issuer: name }),
      requiredClaims: ["sub", "exp", "aud"],
      clockTolerance: skewMs / 1000,
      currentDate: new Date(now),
    });
    return ok(payload);
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed) return undefined;
    if (error instanceof errors.JWTExpired) return fail("token_expired", "the token has expired");
    if (error instanceof errors.JWTClaimValidationFailed)
      return fail(
        "unauthorized",
        `the token is not valid: "${error.claim}" ${reasons[error.reason] ?? "does not fit"}`,
      );
    if (error instanceof errors.JOSEError) return refused;
    throw error;
  }
}

const reasons: Readonly<Record<string, string>> = { missing: "is missing", check_failed: "does not fit" };
