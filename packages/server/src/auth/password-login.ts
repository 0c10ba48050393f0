/**
 * Who somebody is by a password. Guessing is slow: failures are counted by account and address, by address, and by
 * account, and beyond that attempts wait (`rate_limited`). A password that was proved before is never kept waiting, so
 * that nobody can lock others out by failing in their name.
 */
import { fail, foldName, ok, type Result } from "@parley/protocol";
import type { Connection } from "../core/connection.ts";
import { everydayRights, type Identity } from "../core/identity.ts";
import type { Account, Accounts } from "./accounts.ts";
import { type AttemptLimit, Attempts } from "./attempts.ts";
import { mayBePassword } from "./password-rule.ts";
import { hostOf } from "./peer-address.ts";

const minute = 60_000;
const limits = {
  accountFrom: { failures: 5, windowMs: minute },
  from: { failures: 20, windowMs: minute },
  account: { failures: 50, windowMs: 10 * minute },
} as const satisfies Record<string, AttemptLimit>;

export interface PasswordLoginOptions {
  readonly accounts: Accounts;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** How long a session lasts that began by a password. */
  readonly sessionMs: number;
}

export class PasswordLogin {
  readonly #options: PasswordLoginOptions;
  readonly #byAccountFrom = new Attempts(limits.accountFrom);
  readonly #byFrom = new Attempts(limits.from);
  readonly #byAccount = new Attempts(limits.account);

  constructor(options: PasswordLoginOptions) {
    this.#options = options;
  }

  /** Faults: `unauthorized`, `rate_limited`. */
  async check(name: string, password: string, from: Connection["info"]): Promise<Result<Identity>> {
    const { accounts } = this.#options;
    if (!mayBePassword(password) || name.length > 256) return wrong;
    const known = accounts.isProved(name, password) ? accounts.get(name) : undefined;
    if (known) return ok(this.#identity(known));
    return this.#limited(foldName(name), hostOf(from.address), async () => {
      const account = await accounts.verify(name, password);
      if (!account.ok) return account;
      return account.value ? ok(this.#identity(account.value)) : wrong;
    });
  }

  async #limited(account: string, host: string, attempt: () => Promise<Result<Identity>>): Promise<Result<Identity>> {
    const now = this.#options.now();
    const counted = [
      [this.#byAccountFrom, `${account} ${host}`],
      [this.#byFrom, host],
      [this.#byAccount, account],
    ] as const;
    const waitMs = Math.max(...counted.map(([attempts, key]) => attempts.waitMs(key, now)));
    if (waitMs > 0) return fail("rate_limited", "too many wrong passwords: wait before the next one", waitMs);
    for (const [attempts, key] of counted) attempts.began(key, now);
    const result = await attempt();
    if (result.ok || result.fault.code !== "unauthorized")
      for (const [attempts, key] of counted) attempts.succeeded(key);
    return result;
  }

  #identity({ user, admin }: Account): Identity {
    const now = this.#options.now();
    const rights = { ...everydayRights, administer: admin };
    return {
      user,
      device: undefined,
      rights,
      expiresAt: now + this.#options.sessionMs,
      issuedAt: now,
      tokenId: undefined,
    };
  }
}

const wrong = fail("unauthorized", "the user name or the password is wrong");
