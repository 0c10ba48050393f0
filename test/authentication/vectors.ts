/**
 * Tokens of which a server must take some and refuse others, for a server that knows `secret` (HS256) and the public
 * keys of `rsa`, `ec` and `ed`, each in a PEM file without a name, and `named`, a JWK with `kid` "named".
 */
import {
  audience,
  type Claims,
  ec,
  ed,
  hmac,
  inSeconds,
  jwkOf,
  otherRsa,
  pemOf,
  rightClaims,
  rsa,
  rsaSigner,
  type Signer,
  secret,
  tokenOf,
} from "./keys.ts";

export const named = rsaSigner();

export interface Vector {
  readonly what: string;
  /** Made when it is used: tokens expire. */
  readonly token: () => string;
  /** Undefined: it lets alice in. */
  readonly refusedAs?: "unauthorized" | "token_expired";
}

const hs = hmac(secret);
const without = (claim: string) =>
  Object.fromEntries(Object.entries(rightClaims()).filter(([name]) => name !== claim)) as Claims;
const none = { algorithm: "none", sign: () => Buffer.alloc(0) };

function taken(what: string, claims: () => Claims | string, signer = hs, header?: Claims | string): Vector {
  return { what, token: () => tokenOf(claims(), signer, header) };
}
function refused(
  what: string,
  claims: () => Claims | string,
  signer: Pick<Signer, "algorithm" | "sign"> = hs,
  header?: Claims | string,
): Vector {
  return { ...taken(what, claims, signer, header), refusedAs: "unauthorized" };
}
const expired = (what: string, claims: () => Claims): Vector => ({
  ...taken(what, claims),
  refusedAs: "token_expired",
});
const right = () => rightClaims();
const claiming = (more: Claims) => () => rightClaims(more);

/** A right token with something done to its text. */
const changed = (what: string, change: (token: string) => string): Vector => ({
  what,
  token: () => change(tokenOf(rightClaims(), hs)),
  refusedAs: "unauthorized",
});

function flipped(token: string, part: 0 | 1 | 2): string {
  const parts = token.split(".");
  const bytes = Buffer.from(parts[part] ?? "", "base64url");
  bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 1;
  parts[part] = bytes.toString("base64url");
  return parts.join(".");
}

export const vectors: readonly Vector[] = [
  // Right ones
  taken("HS256", right),
  taken("RS256", right, rsa),
  taken("ES256", right, ec),
  taken("EdDSA", right, ed),
  taken("EdDSA by its other name", right, { ...ed, algorithm: "Ed25519" }),
  taken("a key by its name", right, named, { kid: "named" }),
  taken("a named key without its name", right, named),
  taken("a name for a key that has none", right, rsa, { kid: "whatever" }),
  taken("an audience among several", claiming({ aud: ["other.example", audience] })),
  taken("a user's name to be folded", claiming({ sub: "ALICE" })),
  taken("no iat", () => without("iat")),
  taken("times with fractions", claiming({ exp: inSeconds(600) + 0.5, iat: inSeconds(0) - 0.25 })),
  taken("nbf within the skew", claiming({ nbf: inSeconds(3) })),
  taken("iat within the skew", claiming({ iat: inSeconds(3) })),
  taken("claims that nobody knows", claiming({ name: "Alice", scope: "x", email: null })),
  taken("no rights to administer", claiming({ parley: { admin: false, send: [] } })),
  taken("a duplicate claim, the last of which counts (RFC 7519, 4)", () =>
    JSON.stringify(rightClaims()).replace("{", '{"sub":"mallory","exp":1,"aud":"x",'),
  ),

  // Algorithms
  refused("alg none", right, none),
  refused("alg None", right, { ...none, algorithm: "None" }),
  refused("alg nOnE with a signature", right, { ...hs, algorithm: "nOnE" }),
  refused("alg none without the last dot", right, none, '{"alg":"none"}'),
  refused("HS256 by the RSA public key's PEM", right, hmac(pemOf(rsa))),
  refused("the same without the line break at its end", right, hmac(pemOf(rsa).trimEnd())),
  refused("HS256 by the RSA public key's DER", right, hmac(rsa.publicKey.export({ type: "spki", format: "der" }))),
  refused("HS256 by the EC public key's PEM", right, hmac(pemOf(ec))),
  refused("HS256 by the JWK's text, named", right, hmac(JSON.stringify(jwkOf(named, "named"))), { kid: "named" }),
  refused("HS256 by an empty key", right, hmac("")),
  refused("HS384 by the right secret", right, { ...hs, algorithm: "HS384" }),
  refused("RS256 with an HMAC", right, { ...hs, algorithm: "RS256" }),
  refused("HS256 with an RSA signature", right, { ...rsa, algorithm: "HS256" }),
  refused("PS256 by the right key", right, { ...rsa, algorithm: "PS256" }),
  refused("RS256 by another key", right, otherRsa),
  refused("RS256 by a weak key", right, rsaSigner(1024)),
  refused("a zero signature for ES256", right, { algorithm: "ES256", sign: () => Buffer.alloc(64) }),
  refused("alg that is no text", right, hs, '{"alg":["HS256"]}'),
  refused("no alg", right, hs, "{}"),
  refused("two algs, the last of which is none", right, hs, '{"alg":"HS256","alg":"none"}'),

  // Headers that bring or name keys
  refused("a key of its own (jwk)", right, otherRsa, { jwk: jwkOf(otherRsa, "own") }),
  refused("a key of its own by the name of ours", right, otherRsa, { kid: "named", jwk: jwkOf(otherRsa, "named") }),
  refused("a set of keys elsewhere (jku)", right, otherRsa, { jku: "http://127.0.0.1:9/jwks.json", kid: "theirs" }),
  refused("a certificate elsewhere (x5u)", right, otherRsa, { x5u: "http://127.0.0.1:9/cert.pem" }),
  refused("a certificate of its own (x5c)", right, otherRsa, { x5c: ["MIIB"] }),
  refused("the right key by a name that it has not", right, named, { kid: "other" }),
  refused("kid of another key", right, otherRsa, { kid: "named" }),
  refused("kid as a path to a known content", right, hmac(""), { kid: "../../../../dev/null" }),
  refused("kid as a path", right, otherRsa, { kid: "/etc/passwd" }),
  refused("kid as SQL", right, hmac("key"), { kid: "' UNION SELECT 'key' --" }),
  refused("kid as a name of every object", right, otherRsa, { kid: "__proto__" }),
  refused("kid that is no text", right, otherRsa, { kid: { named: 1 } }),
  refused("a kid that is huge", right, otherRsa, { kid: "k".repeat(6000) }),
  refused("a critical extension that nobody knows", right, hs, { crit: ["exp2"], exp2: 1 }),
  refused("an unencoded payload (b64)", right, hs, { crit: ["b64"], b64: false }),

  // Claims
  ...["sub", "exp", "aud"].map((claim) => refused(`no ${claim}`, () => without(claim))),
  refused("another audience", claiming({ aud: "other.example" })),
  refused("an empty audience", claiming({ aud: "" })),
  refused("no audience in a list", claiming({ aud: [] })),
  refused("an audience that begins like ours", claiming({ aud: `${audience}.evil` })),
  refused("an audience in capitals", claiming({ aud: audience.toUpperCase() })),
  expired("expired long ago", claiming({ exp: inSeconds(-3600), iat: inSeconds(-7200) })),
  expired("expired just now", claiming({ exp: inSeconds(0), iat: inSeconds(-60) })),
  refused("exp as text", claiming({ exp: String(inSeconds(600)) })),
  refused("exp that is null", claiming({ exp: null })),
  refused("exp that is no number", () => JSON.stringify(rightClaims()).replace(/"exp":\d+/, '"exp":1e999')),
  refused("a life that is too long", claiming({ exp: inSeconds(367 * 86_400) })),
  refused("a life that is too long, of unknown begin", () => ({ ...without("iat"), exp: inSeconds(367 * 86_400) })),
  refused("exp in milliseconds", claiming({ exp: Date.now() + 600_000 })),
  refused("nbf beyond the skew", claiming({ nbf: inSeconds(60) })),
  refused("nbf as text", claiming({ nbf: "now" })),
  refused("iat beyond the skew", claiming({ iat: inSeconds(60) })),
  refused("iat as text", claiming({ iat: "now" })),
  refused("an empty sub", claiming({ sub: "" })),
  refused("a sub that is a number", claiming({ sub: 5 })),
  refused("a sub that is a room", claiming({ sub: "#room" })),
  refused("a sub that is everybody", claiming({ sub: "*" })),
  refused("a sub with a control character", claiming({ sub: "ali\u0000ce" })),
  refused("a sub that looks like alice", claiming({ sub: "ali\u200bce" })),
  refused("a jti that is a number", claiming({ jti: 5 })),
  refused("a jti that is empty", claiming({ jti: "" })),
  refused("a jti that is huge", claiming({ jti: "j".repeat(257) })),
  refused("a duplicate claim, the last of which is wrong", () =>
    JSON.stringify(rightClaims()).replace(/\}$/, ',"aud":"other.example"}'),
  ),
  refused("parley that is no object", claiming({ parley: "admin" })),
  refused("a right that is misspelt", claiming({ parley: { sends: ["bob"] } })),
  refused("admin that is text", claiming({ parley: { admin: "true" } })),
  refused("a right that is no list", claiming({ parley: { send: "bob" } })),
  refused("a pattern that is no address", claiming({ parley: { join: ["#ok", "two words"] } })),
  refused("a device that is no name", claiming({ parley: { device: "a/b" } })),

  // Texts
  refused("claims that are a list", () => "[]"),
  refused("claims that are no JSON", () => "{"),
  refused("a header that is no JSON", right, hs, "{"),
  refused("a token that is huge", claiming({ pad: "x".repeat(7000) })),
  changed("a signature that is cut", (token) => token.slice(0, -4)),
  changed("no signature", (token) => token.slice(0, token.lastIndexOf(".") + 1)),
  changed("two parts", (token) => token.slice(0, token.lastIndexOf("."))),
  changed("four parts", (token) => `${token}.e30`),
  changed("a bit of the header flipped", (token) => flipped(token, 0)),
  changed("a bit of the claims flipped", (token) => flipped(token, 1)),
  changed("a bit of the signature flipped", (token) => flipped(token, 2)),
  changed("the signature of another token", (token) =>
    [...token.split(".").slice(0, 2), tokenOf(rightClaims({ sub: "bob" }), hs).split(".")[2]].join("."),
  ),
  { what: "garbage", token: () => "not a token", refusedAs: "unauthorized" },
  { what: "dots", token: () => "..", refusedAs: "unauthorized" },
  { what: "bytes", token: () => "\u0000\uffff.\ud83d\ude00.~", refusedAs: "unauthorized" },
  { what: "a JWE", token: () => "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..aaaa.bbbb.cccc", refusedAs: "unauthorized" },
];
