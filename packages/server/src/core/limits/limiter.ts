/**
 * Who may connect and how fast one may send: the rates of connections, users and addresses in one place. Asked by
 * listeners when somebody connects (`gateway/doors.ts`), by connections with every frame (`allowance.ts`) and by what has
 * no connection, a request over HTTP or a datagram (`request`). Knows addresses as words, not as sockets.
 */
import { type Fault, fail, ok, type Result, type UserKey } from "@parley/protocol";
import { Account, Accounts, AddressAccount, Meter, MeterRate } from "./accounts.ts";
import { Allowance } from "./allowance.ts";
import { Flow } from "./bucket.ts";
import type { LimitPolicy } from "./policy.ts";

/** When a connection that was one too many may be tried again. */
const tooManyRetryMs = 5000;

/** A fault that says when the same may be tried again. `retryMs` is rounded up to whole ms. */
export function rateLimited(retryMs: number): Fault {
  return fail("rate_limited", "too much at once: send nothing for a while, then this again", Math.ceil(retryMs)).fault;
}

export class Limiter {
  readonly #policy: LimitPolicy;
  readonly #connections: MeterRate;
  readonly #now: () => number;
  readonly #users: Accounts<Account>;
  readonly #addresses: Accounts<AddressAccount>;

  /** `now`: ms of a clock that is never set back. */
  constructor(policy: LimitPolicy, maxFrameBytes: number, now: () => number = () => performance.now()) {
    this.#policy = policy;
    this.#now = now;
    this.#connections = new MeterRate(policy.connection, maxFrameBytes, now);
    const users = new MeterRate(policy.user, maxFrameBytes, now);
    const addresses = new MeterRate(policy.address, maxFrameBytes, now);
    const arrivals = new Flow(policy.address.connectionsPerSecond, now, 1);
    this.#users = new Accounts(() => new Account(new Meter(users)));
    this.#addresses = new Accounts(() => new AddressAccount(new Meter(addresses), arrivals));
  }

  /**
   * Lets a connection from `address` in (undefined: its address does not count); call `end` of what is returned when it is
   * gone. Faults: `too_many`, `rate_limited`, with the time after which to try again.
   */
  admit(address: string | undefined): Result<Allowance> {
    const account = address === undefined ? undefined : this.#addresses.of(address);
    const fault = account && this.#refusal(account);
    if (fault) return { ok: false, fault };
    return ok(new Allowance(new Meter(this.#connections), account, this.#now));
  }

  #refusal(account: AddressAccount): Fault | undefined {
    const { connections, unauthenticated } = this.#policy.address;
    if (connections > 0 && account.holders >= connections)
      return fail("too_many", `your address has ${connections} connections already`, tooManyRetryMs).fault;
    if (unauthenticated > 0 && account.strangers >= unauthenticated)
      return fail("too_many", `nobody has logged in on ${unauthenticated} connections of your address`, tooManyRetryMs)
        .fault;
    const wait = account.arrives();
    return wait > 0 ? rateLimited(wait) : undefined;
  }

  /** The user's rates, for the connections on which it is logged in. */
  user(key: UserKey): Account {
    return this.#users.of(key);
  }

  /** One request or datagram of `bytes` bytes, without a connection of its own. Returns `rate_limited` where it is to be refused. */
  request(address: string | undefined, user: UserKey | undefined, bytes: number): Fault | undefined {
    const meters: Meter[] = [];
    if (address !== undefined) meters.push(this.#addresses.of(address).meter);
    if (user !== undefined) meters.push(this.#users.of(user).meter);
    const owed = Math.max(0, ...meters.map((meter) => meter.take(bytes)));
    if (owed === 0) return undefined;
    for (const meter of meters) meter.undo();
    return rateLimited(owed);
  }
}
