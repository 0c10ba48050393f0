/** A backend of one's own, as a test has it: keys of each kind, and tokens as right or as wrong as they are wanted. */
import { createHmac, generateKeyPairSync, type KeyObject, randomBytes, sign as signBytes } from "node:crypto";

export const secret = randomBytes(48).toString("base64");
export const audience = "chat.example";

export type Claims = Readonly<Record<string, unknown>>;

export interface Signer {
  readonly algorithm: string;
  readonly publicKey: KeyObject;
  sign(input: string): Buffer;
}

export const rsa = rsaSigner();
export const otherRsa = rsaSigner();
export const ec = ecSigner();
export const ed = edSigner();

export function rsaSigner(modulusLength = 2048): Signer {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength });
  return { algorithm: "RS256", publicKey, sign: (input) => signBytes("sha256", Buffer.from(input), privateKey) };
}

function ecSigner(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = { key: privateKey, dsaEncoding: "ieee-p1363" } as const;
  return { algorithm: "ES256", publicKey, sign: (input) => signBytes("sha256", Buffer.from(input), key) };
}

function edSigner(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return { algorithm: "EdDSA", publicKey, sign: (input) => signBytes(null, Buffer.from(input), privateKey) };
}

export function hmac(key: string | Buffer): Pick<Signer, "algorithm" | "sign"> {
  return { algorithm: "HS256", sign: (input) => createHmac("sha256", key).update(input).digest() };
}

export function pemOf({ publicKey }: Pick<Signer, "publicKey">): string {
  return publicKey.export({ type: "spki", format: "pem" }) as string;
}

export function jwkOf({ publicKey }: Pick<Signer, "publicKey">, kid: string): object {
  return { ...publicKey.export({ format: "jwk" }), kid, use: "sig" };
}

const encode = (value: unknown) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** A token; `header` and `claims` may be JSON text, where it is to be unusual. */
export function tokenOf(
  claims: Claims | string,
  signer: Pick<Signer, "algorithm" | "sign">,
  header: Claims | string = {},
): string {
  const whole = typeof header === "string" ? header : { alg: signer.algorithm, typ: "JWT", ...header };
  const input = `${encode(whole)}.${encode(claims)}`;
  return `${input}.${signer.sign(input).toString("base64url")}`;
}

/** Seconds since the epoch, `offset` seconds from now. */
export const inSeconds = (offset: number) => Math.floor(Date.now() / 1000) + offset;

/** Claims that are right. */
export const rightClaims = (more: Claims = {}): Claims => ({
  sub: "alice",
  aud: audience,
  exp: inSeconds(600),
  iat: inSeconds(0),
  ...more,
});
