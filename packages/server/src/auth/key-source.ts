/**
 * Where the keys of tokens come from: given once, a JWKS file that is read again when it changes, or a JWKS at a URL
 * that is fetched now and then. A set is replaced as a whole: while it has an old and a new key both are good, and one
 * that left it is good no more. A set that cannot be had leaves the last one in force.
 */
import { readFile, stat } from "node:fs/promises";
import { parseKeys, type VerificationKey } from "./verification-key.ts";

export interface KeySource {
  /** The keys now; `missing` says that a token named a key which is not among the former answer. */
  keys(missing: boolean): Promise<readonly VerificationKey[]>;
}

/** Told of a set that could not be had, and of nothing secret. */
export type OnKeyFault = (message: string, error: unknown) => void;

const maxJwksBytes = 256 * 1024;
const fetchTimeoutMs = 5_000;
/** A token can name any key: it does not make the server fetch more often than this. */
const cooldownMs = 10_000;
const fileCheckMs = 500;

export function givenKeys(keys: readonly VerificationKey[]): KeySource {
  return { keys: async () => keys };
}

/** Several sources as one. */
export function allOf(sources: readonly KeySource[]): KeySource {
  return { keys: async (missing) => (await Promise.all(sources.map((source) => source.keys(missing)))).flat() };
}

interface Reading {
  /** For people: where from. */
  readonly place: string;
  /** Gets the text; undefined: it is as it was. */
  readonly read: () => Promise<string | undefined>;
  /** What is older than this is got again before it is used. */
  readonly maxAgeMs: number;
  /** The same where a key is missing, or the last attempt failed. */
  readonly cooldownMs: number;
  readonly now: () => number;
  readonly onFault: OnKeyFault;
}

class CachedKeys implements KeySource {
  readonly #reading: Reading;
  #keys: readonly VerificationKey[] = [];
  #askedAt = Number.NEGATIVE_INFINITY;
  #failed = false;
  #asking: Promise<void> | undefined;

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  async keys(missing: boolean): Promise<readonly VerificationKey[]> {
    const { now, maxAgeMs, cooldownMs } = this.#reading;
    const age = now() - this.#askedAt;
    const tooOld = missing || this.#failed ? Math.min(cooldownMs, maxAgeMs) : maxAgeMs;
    // A clock that was put back must not keep the keys for ever.
    if (age >= tooOld || age < 0) await this.#ask();
    // Who has a known key does not wait for what somebody else's unknown one has set off.
    else if (missing || this.#keys.length === 0) await this.#asking;
    return this.#keys;
  }

  #ask(): Promise<void> {
    this.#asking ??= this.#get().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #get(): Promise<void> {
    const { now, read, place, onFault } = this.#reading;
    this.#askedAt = now();
    try {
      const text = await read();
      if (text !== undefined) {
        const { keys, faults } = parseKeys(text);
        if (faults.length > 0) throw new Error(faults.join("; "));
        this.#keys = keys;
      }
      this.#failed = false;
    } catch (error) {
      this.#failed = true;
      onFault(`the keys of ${place} could not be had; ${this.#keys.length} known before stay in force`, error);
    }
  }
}

/** A JWKS at a URL. */
export function keysAt(
  url: string,
  options: Pick<Reading, "maxAgeMs" | "now" | "onFault"> & { readonly cooldownMs?: number },
): KeySource {
  return new CachedKeys({ cooldownMs, ...options, place: url, read: () => fetchText(url) });
}

/** A JWKS, JWK or PEM in a file. */
export function keysIn(file: string, options: Pick<Reading, "now" | "onFault">): KeySource {
  let seen = "";
  const read = async () => {
    const { mtimeMs, size, ino } = await stat(file);
    const version = `${mtimeMs} ${size} ${ino}`;
    if (version === seen) return undefined;
    const text = await readFile(file, "utf8");
    seen = version;
    return text;
  };
  return new CachedKeys({ ...options, place: file, read, maxAgeMs: fileCheckMs, cooldownMs: fileCheckMs });
}

async function fetchText(url: string): Promise<string> {
  const response = await fetch(url, {
    headers: { accept: "application/jwk-set+json, application/json" },
    redirect: "error",
    signal: AbortSignal.timeout(fetchTimeoutMs),
  });
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxJwksBytes) throw new Error(`more than ${maxJwksBytes} bytes`);
  }
  return Buffer.concat(chunks).toString();
}
