/**
 * Passwords as they are kept: scrypt (RFC 7914) with a salt, its parameters written beside the hash, so that they can be
 * raised later without asking anybody for a new password. Computed on libuv's threads, one at a time: the store writes
 * and syncs there too.
 */
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { fail, ok, type Result } from "@parley/protocol";
import { foldPassword } from "./password-rule.ts";

interface Parameters {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** OWASP's Password Storage Cheat Sheet: 32 MiB of memory for each. */
const current: Parameters = { N: 2 ** 15, r: 8, p: 3 };
const saltBytes = 16;
const hashBytes = 32;
const format = /^scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([\w-]{22})\$([\w-]{43})$/;
/** More than this many wait for none: a flood of logins must not become a queue of minutes. */
const maxWaiting = 32;

export class PasswordHasher {
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** The text to keep for a password. Faults: `rate_limited`. */
  async hash(password: string): Promise<Result<string>> {
    const salt = randomBytes(saltBytes);
    const hash = await this.#derive(password, salt, current);
    return hash.ok ? ok(textOf(current, salt, hash.value)) : hash;
  }

  /** Whether `kept` was made of that password. Faults: `rate_limited`. */
  async verify(password: string, kept: string): Promise<Result<boolean>> {
    const [, N = "", r = "", p = "", salt = "", hash = ""] = format.exec(kept) ?? [];
    if (hash === "") throw new Error("a password hash in the store is not of the known form");
    const parameters = { N: Number(N), r: Number(r), p: Number(p) };
    const derived = await this.#derive(password, Buffer.from(salt, "base64url"), parameters);
    return derived.ok ? ok(timingSafeEqual(derived.value, Buffer.from(hash, "base64url"))) : derived;
  }

  async #derive(password: string, salt: Buffer, parameters: Parameters): Promise<Result<Buffer>> {
    if (this.#waiting >= maxWaiting) return fail("rate_limited", "too many passwords are being checked now", 2_000);
    this.#waiting += 1;
    const derived = this.#last.then(() => derive(foldPassword(password), salt, parameters));
    this.#last = derived.catch(() => {});
    try {
      return ok(await derived);
    } finally {
      this.#waiting -= 1;
    }
  }
}

/** A kept text that no password fits; to find that out takes as long as with a real one. */
export function unmatchable(): string {
  return textOf(current, randomBytes(saltBytes), randomBytes(hashBytes));
}

function textOf({ N, r, p }: Parameters, salt: Buffer, hash: Buffer): string {
  return `scrypt$${N}$${r}$${p}$${salt.toString("base64url")}$${hash.toString("base64url")}`;
}

function derive(password: string, salt: Buffer, { N, r, p }: Parameters): Promise<Buffer> {
  const maxmem = 128 * N * r + 128 * r * p + 1024 * 1024;
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hashBytes, { N, r, p, maxmem }, (error, hash) => (error ? reject(error) : resolve(hash)));
  });
}
