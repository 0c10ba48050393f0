/**
 * What is configured to check tokens by, as one source of keys; all that is wrong with it is told at once, at the start.
 * Called by `server.ts` before the store is opened.
 */
import { readFileSync } from "node:fs";
import { allOf, givenKeys, type KeySource, keysAt, keysIn, type OnKeyFault } from "./key-source.ts";
import { isLoopback } from "./peer-address.ts";
import { AuthenticationRefused } from "./refusal.ts";
import { parseKeys, parseSecret } from "./verification-key.ts";

/** The settings under `auth.` that say who is let in. */
export interface AuthSettings {
  readonly mode: "open" | "token" | "accounts";
  readonly secret: string;
  readonly keyFiles: readonly string[];
  readonly jwksUrl: string;
  readonly jwksSeconds: number;
  readonly audience: string;
  readonly issuer: string;
  readonly skewSeconds: number;
  readonly maxTokenDays: number;
  readonly sessionHours: number;
}

export interface KeyLoading {
  /** Accounts and the operator's way in are gone with the process. */
  readonly inMemory: boolean;
  /** A JWKS may come over a network that anybody could answer on. */
  readonly insecure: boolean;
  readonly now: () => number;
  readonly onFault: OnKeyFault;
}

/** The keys for mode `token`; none in other modes. Throws `AuthenticationRefused` with all faults of the settings. */
export async function loadTokenKeys(settings: AuthSettings, loading: KeyLoading): Promise<KeySource> {
  const { mode, secret, keyFiles, jwksUrl, audience } = settings;
  const hasKeys = secret !== "" || keyFiles.length > 0 || jwksUrl !== "";
  const faults: string[] = [];
  if (mode === "token" && !hasKeys)
    faults.push(
      "auth.mode is token, and there is no key to check tokens by: set auth.secret (HS256), auth.keyFiles (PEM, JWK or JWKS) or auth.jwksUrl",
    );
  if (mode === "token" && audience === "")
    faults.push("auth.audience is empty: set it to the `aud` that your backend puts into tokens for this server");
  if (mode !== "token" && hasKeys)
    faults.push(`there are keys to check tokens by, and auth.mode is ${mode}: set auth.mode to token, or remove them`);
  if (mode === "accounts" && loading.inMemory)
    faults.push("auth.mode is accounts, and engine memory would forget them: set engine to level");
  const sources = [
    ...secretSource(secret, faults),
    ...keyFiles.flatMap((file) => fileSource(file, loading, faults)),
    ...urlSource(settings, loading, faults),
  ];
  if (faults.length > 0) throw new AuthenticationRefused(faults);
  const all = allOf(sources);
  // So that what is wrong with a URL is in the log from the start; the server serves without it, and asks again.
  await all.keys(false);
  return all;
}

function secretSource(secret: string, faults: string[]): KeySource[] {
  if (secret === "") return [];
  const key = parseSecret(secret);
  if (typeof key !== "string") return [givenKeys([key])];
  faults.push(`auth.secret: ${key}`);
  return [];
}

function fileSource(file: string, loading: KeyLoading, faults: string[]): KeySource[] {
  try {
    faults.push(...parseKeys(readFileSync(file, "utf8")).faults.map((fault) => `auth.keyFiles: ${file}: ${fault}`));
  } catch (error) {
    faults.push(`auth.keyFiles: ${file} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
  return [keysIn(file, loading)];
}

function urlSource({ jwksUrl, jwksSeconds }: AuthSettings, loading: KeyLoading, faults: string[]): KeySource[] {
  if (jwksUrl === "") return [];
  const url = URL.parse(jwksUrl);
  if (!url || !["http:", "https:"].includes(url.protocol)) faults.push("auth.jwksUrl: it is not an http(s) URL");
  else if (url.protocol === "http:" && !isLoopback(url.hostname.replace(/^\[|\]$/g, "")) && !loading.insecure)
    faults.push(
      "auth.jwksUrl: over plain http anybody on the way could give their own keys: use https, or say --insecure",
    );
  return [keysAt(jwksUrl, { ...loading, maxAgeMs: jwksSeconds * 1000 })];
}
