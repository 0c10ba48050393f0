/**
 * Keys that tokens are checked by, each bound to the algorithms that it is for: what a token's header says about its
 * algorithm chooses among keys and never decides how one is used (RFC 8725, section 3.1). Made from PEM, JWK and JWKS.
 */
import { createPublicKey, type KeyObject } from "node:crypto";

export interface VerificationKey {
  /** By which tokens name it; undefined: it has no name. */
  readonly id: string | undefined;
  readonly algorithms: readonly string[];
  readonly key: KeyObject | Uint8Array;
}

/** The keys in a text, and what was wrong with others: not bound to a place, `in FILE` has to be added. */
export interface ParsedKeys {
  readonly keys: readonly VerificationKey[];
  readonly faults: readonly string[];
}

type Parsed = VerificationKey | string;

/** RFC 7518, sections 3.2 and 3.3. */
const minHmacBytes = 32;
const minRsaBits = 2048;
const pemLabel = /-----BEGIN ([A-Z0-9 ]+)-----/;

/** A secret that a backend signs by HS256. */
export function parseSecret(secret: string): Parsed {
  if (pemLabel.test(secret))
    return "it is a PEM key, which is no secret: put it in a file and name that in auth.keyFiles";
  return hmacKey(undefined, Buffer.from(secret));
}

/** The keys of a PEM, a JWK or a JWKS (RFC 7517). */
export function parseKeys(text: string): ParsedKeys {
  if (pemLabel.test(text)) return parsedKeys([parsePem(text)]);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return parsedKeys(["it is neither PEM nor JSON"]);
  }
  if (!isObject(json)) return parsedKeys(["it is no JWK"]);
  if (!Array.isArray(json.keys)) return parsedKeys([parseJwk(json)]);
  // A set is published for all who read it: keys for other purposes in it are no mistake.
  const parsed = json.keys.map((jwk) => (isObject(jwk) ? parseJwk(jwk) : "a key of the set is no JWK"));
  const { keys, faults } = parsedKeys(parsed);
  return keys.length > 0 ? { keys, faults: [] } : { keys, faults: ["no key of the set is of use", ...faults] };
}

function parsedKeys(parsed: readonly Parsed[]): ParsedKeys {
  return {
    keys: parsed.filter((key) => typeof key !== "string"),
    faults: parsed.filter((fault) => typeof fault === "string"),
  };
}

function parsePem(text: string): Parsed {
  if (pemLabel.exec(text)?.[1]?.includes("PRIVATE")) return privateKeyFault;
  return publicKey(undefined, undefined, () => createPublicKey(text));
}

const privateKeyFault = "it holds a private key, which is nobody's business but the signer's: give the public one";

function parseJwk(jwk: Readonly<Record<string, unknown>>): Parsed {
  const { kty, kid, alg, use, d, k } = jwk;
  const id = typeof kid === "string" ? kid : undefined;
  const named = id === undefined ? "" : `key ${JSON.stringify(id)}: `;
  if (use !== undefined && use !== "sig") return `${named}it is not for signatures`;
  if (kty === "oct") {
    if (typeof k !== "string" || (alg !== undefined && alg !== "HS256")) return `${named}it is not for HS256`;
    const key = hmacKey(id, Buffer.from(k, "base64url"));
    return typeof key === "string" ? named + key : key;
  }
  if (d !== undefined) return named + privateKeyFault;
  const key = publicKey(id, alg, () => createPublicKey({ key: jwk, format: "jwk" }));
  return typeof key === "string" ? named + key : key;
}

function hmacKey(id: string | undefined, key: Buffer): Parsed {
  if (key.length < minHmacBytes)
    return `an HS256 secret has at least ${minHmacBytes} bytes (RFC 7518, 3.2), this one has ${key.length}: openssl rand -base64 48 makes one`;
  if (new Set(key).size < 8) return "the secret repeats itself: openssl rand -base64 48 makes a good one";
  return { id, algorithms: ["HS256"], key };
}

function publicKey(id: string | undefined, alg: unknown, read: () => KeyObject): Parsed {
  let key: KeyObject;
  try {
    key = read();
  } catch {
    return "it is no public key that can be read";
  }
  const algorithms = algorithmsOf(key);
  if (typeof algorithms === "string") return algorithms;
  if (alg !== undefined && !algorithms.includes(alg as string))
    return `its algorithm ${JSON.stringify(alg)} is not one of ${algorithms.join(", ")}`;
  return { id, algorithms, key };
}

/** What a key is for, or why it is for nothing. */
function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] | string {
  switch (asymmetricKeyType) {
    case "rsa":
      if ((asymmetricKeyDetails?.modulusLength ?? 0) >= minRsaBits) return ["RS256"];
      return `an RSA key has at least ${minRsaBits} bits, this one has ${asymmetricKeyDetails?.modulusLength}`;
    case "ec":
      if (asymmetricKeyDetails?.namedCurve === "prime256v1") return ["ES256"];
      return `its curve is ${asymmetricKeyDetails?.namedCurve}, not P-256`;
    case "ed25519":
      // RFC 9864 gives the same thing a second name.
      return ["EdDSA", "Ed25519"];
    default:
      return `keys of type ${asymmetricKeyType} are not used: RSA, EC (P-256) and Ed25519 are`;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
