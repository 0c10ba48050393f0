/**
 * The users that Parley itself keeps, for mode `accounts`: names, password hashes, who administers. In memory, and in
 * the engine before anybody is told. Used by `password-login.ts` and the HTTP API.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { fail, ok, parseUser, type Result, type UserAddress, type UserKey } from "@parley/protocol";
import type { Clock } from "../core/clock.ts";
import { checkChoosable } from "../core/reserved-names.ts";
import type { Engine, RecordKinds } from "../engine/engine.ts";
import { checkPassword, foldPassword } from "./password-rule.ts";
import { PasswordHasher, unmatchable } from "./passwords.ts";

/** An account as it is listed. */
export interface Account {
  readonly user: string;
  readonly admin: boolean;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

type Kept = RecordKinds["account"];

export class Accounts {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #hasher = new PasswordHasher();
  readonly #kept = new Map<UserKey, Kept>();
  /** Of the passwords that were right, under a key that nobody else has: so that each request need not take as long. */
  readonly #proved = new Map<UserKey, Buffer>();
  /** On their way to the store. */
  readonly #adding = new Set<UserKey>();
  readonly #provingKey = randomBytes(32);
  readonly #nobodys = unmatchable();

  private constructor(engine: Engine, clock: Clock) {
    this.#engine = engine;
    this.#clock = clock;
  }

  /** Rejects with `StorageUnavailable`. */
  static async load(engine: Engine, clock: Clock): Promise<Accounts> {
    const accounts = new Accounts(engine, clock);
    for (const [key, account] of await engine.scan("account", "")) accounts.#kept.set(key as UserKey, account);
    return accounts;
  }

  /** By name. */
  list(): Account[] {
    const keys = [...this.#kept.keys()].sort();
    return keys.flatMap((key) => this.#kept.get(key) ?? []).map(listed);
  }

  /** The account of that name, folded or not. */
  get(name: string): Account | undefined {
    const kept = this.#find(name);
    return kept.ok ? listed(kept.value.kept) : undefined;
  }

  /** Makes an account. Faults: `bad_name`, `forbidden`, `bad_message`, `account_exists`, `rate_limited`. Rejects with `StorageUnavailable`. */
  async add(name: string, password: string, admin: boolean): Promise<Result<Account>> {
    const address = parseUser(name);
    if (!address.ok) return address;
    const { key, name: spelling } = address.value;
    const choosable = checkChoosable(key);
    if (!choosable.ok) return choosable;
    const hash = await this.#hash(password);
    if (!hash.ok) return hash;
    if (this.#kept.has(key) || this.#adding.has(key))
      return fail("account_exists", `there is an account ${spelling} already`);
    const account = { name: spelling, password: hash.value, admin, createdAt: this.#clock.now() };
    this.#adding.add(key);
    await this.#write(key, account).finally(() => this.#adding.delete(key));
    return ok(listed(account));
  }

  /** Faults: `bad_name`, `unknown_user`, `bad_message`, `rate_limited`. Rejects with `StorageUnavailable`. */
  async setPassword(name: string, password: string): Promise<Result<Account>> {
    const hash = await this.#hash(password);
    if (!hash.ok) return hash;
    const found = this.#find(name);
    if (!found.ok) return found;
    const account = { ...found.value.kept, password: hash.value };
    await this.#write(found.value.key, account);
    return ok(listed(account));
  }

  /** Faults: `bad_name`, `unknown_user`. Rejects with `StorageUnavailable`. */
  async remove(name: string): Promise<Result<Account>> {
    const found = this.#find(name);
    if (!found.ok) return found;
    await this.#write(found.value.key, undefined);
    return ok(listed(found.value.kept));
  }

  /** Whether a password was proved to be this account's before: quick, and no reason to count attempts. */
  isProved(name: string, password: string): boolean {
    const found = this.#find(name);
    const proved = found.ok ? this.#proved.get(found.value.key) : undefined;
    return proved !== undefined && timingSafeEqual(proved, this.#proof(password));
  }

  /** The account, if the password is right; undefined, after the same time, if there is none. Faults: `rate_limited`. */
  async verify(name: string, password: string): Promise<Result<Account | undefined>> {
    const found = this.#find(name);
    const before = found.ok ? found.value.kept : undefined;
    const right = await this.#hasher.verify(password, before?.password ?? this.#nobodys);
    if (!right.ok) return right;
    // Another password may have been set, or the account removed, while this one was checked.
    if (!right.value || !found.ok || this.#kept.get(found.value.key) !== before) return ok(undefined);
    this.#proved.set(found.value.key, this.#proof(password));
    return ok(listed(found.value.kept));
  }

  async #hash(password: string): Promise<Result<string>> {
    const allowed = checkPassword(password);
    return allowed.ok ? this.#hasher.hash(password) : allowed;
  }

  #find(name: string): Result<{ readonly key: UserKey; readonly kept: Kept }> {
    const address: Result<UserAddress> = parseUser(name);
    if (!address.ok) return address;
    const kept = this.#kept.get(address.value.key);
    return kept
      ? ok({ key: address.value.key, kept })
      : fail("unknown_user", `there is no account ${address.value.name}`);
  }

  async #write(key: UserKey, value: Kept | undefined): Promise<void> {
    await this.#engine.write([{ kind: "account", key, value }]);
    this.#proved.delete(key);
    if (value) this.#kept.set(key, value);
    else this.#kept.delete(key);
  }

  #proof(password: string): Buffer {
    return createHmac("sha256", this.#provingKey).update(foldPassword(password)).digest();
  }
}

function listed({ name, admin, createdAt }: Kept): Account {
  return { user: name, admin, createdAt };
}
