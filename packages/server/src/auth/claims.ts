/**
 * What a token says, as an identity: the registered claims `sub`, `exp`, `iat`, `jti` (RFC 7519) and Parley's own,
 * `parley`, which binds to a device and restricts. What is wrong in a token refuses it as a whole: a restriction that
 * is misspelt must not be none.
 */
import { fail, ok, parseDevice, parseUser, type Result } from "@parley/protocol";
import type { JWTPayload } from "jose";
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { parsePattern } from "../core/address-pattern.ts";
import type { Identity, Rights } from "../core/identity.ts";
import { isTokenId } from "../core/revocations.ts";

const patterns = Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { maxItems: 1000 }));

/** The claim `parley`. */
export const parleyClaim = Type.Object(
  {
    device: Type.Optional(Type.String()),
    send: patterns,
    read: patterns,
    join: patterns,
    admin: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type ParleyClaim = Static<typeof parleyClaim>;

const checker = Compile(parleyClaim);

/** How long a token may live, and how far the clocks of others may be ahead, in milliseconds. */
export interface ClaimLimits {
  readonly longestMs: number;
  readonly skewMs: number;
}

/** Makes an identity of claims whose signature was verified. `now` in ms. Faults: `unauthorized`, `token_expired`. */
export function identityOf(claims: JWTPayload, now: number, { longestMs, skewMs }: ClaimLimits): Result<Identity> {
  const { sub, exp, iat, jti, parley = {} } = claims;
  const user = typeof sub === "string" ? parseUser(sub) : undefined;
  if (!user?.ok) return bad(`"sub" is not a user's name`);
  if (!isTime(exp)) return bad(`"exp" is not a time`);
  const expiresAt = exp * 1000;
  if (expiresAt <= now) return fail("token_expired", "the token has expired");
  if (iat !== undefined && !isTime(iat)) return bad(`"iat" is not a time`);
  // Otherwise it would outlive a revocation of all that its user had.
  if (iat !== undefined && iat * 1000 > now + skewMs) return bad("it is from the future");
  if (expiresAt - (iat === undefined ? now : iat * 1000) > longestMs)
    return bad(`it lives longer than ${longestMs / 86_400_000} days`);
  if (jti !== undefined && (typeof jti !== "string" || !isTokenId(jti))) return bad(`"jti" is not an id`);
  const own = parseParley(parley);
  if (!own.ok) return own;
  const { device, rights } = own.value;
  const issuedAt = iat === undefined ? 0 : iat * 1000;
  return ok({ user: user.value.name, device, rights, expiresAt, issuedAt, tokenId: jti });
}

/** The device and rights of a claim `parley`. Faults: `unauthorized`. */
export function parseParley(claim: unknown): Result<{ device: string | undefined; rights: Rights }> {
  if (!checker.Check(claim)) return bad(`"parley" is not of the form that docs/authentication.md describes`);
  const { device, admin = false } = claim as ParleyClaim;
  const key = device === undefined ? undefined : parseDevice(device);
  if (key && !key.ok) return bad(`"parley.device" is not a device's name`);
  const { send, read, join } = claim as ParleyClaim;
  for (const [what, patterns] of Object.entries({ send, read, join }))
    if (patterns?.every((text) => parsePattern(text).ok) === false)
      return bad(`"parley.${what}" holds what is neither an address nor the beginning of one`);
  return ok({ device: key?.value, rights: { send, read, join, administer: admin } });
}

/** A NumericDate (RFC 7519, section 2). */
function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function bad(what: string): ReturnType<typeof fail> {
  return fail("unauthorized", `the token is not valid: ${what}`);
}
