/**
 * What several connections share: the rates of a user, the rates and the number of connections of an address. Kept
 * while anybody holds it and until its buckets are full again; then it is as good as new, and forgotten. Nothing is
 * swept by a timer: whoever opens a new account looks after two old ones.
 */
import { Bucket, Flow } from "./bucket.ts";
import type { Rate } from "./policy.ts";

/** What meters of one kind have in common. */
export class MeterRate {
  readonly messages: Flow;
  readonly bytes: Flow;

  /** `maxFrameBytes`: one frame of that size fits, however low the rate. `now`: as in `Flow`. */
  constructor({ messagesPerSecond, bytesPerSecond }: Rate, maxFrameBytes: number, now: () => number) {
    this.messages = new Flow(messagesPerSecond, now, 1);
    this.bytes = new Flow(bytesPerSecond, now, maxFrameBytes);
  }
}

/** Messages and bytes at a rate. Hot path. */
export class Meter {
  readonly #messages: Bucket;
  readonly #bytes: Bucket;

  constructor({ messages, bytes }: MeterRate) {
    this.#messages = new Bucket(messages);
    this.#bytes = new Bucket(bytes);
  }

  /** Takes a frame. Returns in how many ms what is owed then will have flowed in; 0: nothing. */
  take(bytes: number): number {
    const messages = this.#messages.take(1);
    const owed = this.#bytes.take(bytes);
    return messages > owed ? messages : owed;
  }

  /** Takes the last frame back, because it was refused. */
  undo(): void {
    this.#messages.undo();
    this.#bytes.undo();
  }

  isFull(): boolean {
    return this.#messages.isFull() && this.#bytes.isFull();
  }
}

export class Account {
  readonly meter: Meter;
  /** Connections that it counts for. */
  holders = 0;

  constructor(meter: Meter) {
    this.meter = meter;
  }

  isIdle(): boolean {
    return this.holders === 0 && this.meter.isFull();
  }
}

export class AddressAccount extends Account {
  /** Those of `holders` on which nobody has logged in. */
  strangers = 0;
  readonly #arrivals: Bucket;

  constructor(meter: Meter, arrivals: Flow) {
    super(meter);
    this.#arrivals = new Bucket(arrivals);
  }

  /** One more connects. Returns in how many ms it may; 0: now. */
  arrives(): number {
    const wait = this.#arrivals.take(1);
    if (wait > 0) this.#arrivals.undo();
    return wait;
  }

  override isIdle(): boolean {
    return super.isIdle() && this.#arrivals.isFull();
  }
}

const sweptPerNew = 2;

export class Accounts<A extends Account> {
  readonly #accounts = new Map<string, A>();
  readonly #open: () => A;
  #sweep: Iterator<[string, A]> = this.#accounts.entries();

  constructor(open: () => A) {
    this.#open = open;
  }

  get size(): number {
    return this.#accounts.size;
  }

  of(key: string): A {
    const known = this.#accounts.get(key);
    if (known) return known;
    for (let i = 0; i < sweptPerNew; i++) this.#lookAfterOne();
    const account = this.#open();
    this.#accounts.set(key, account);
    return account;
  }

  #lookAfterOne(): void {
    const next = this.#sweep.next();
    if (next.done) this.#sweep = this.#accounts.entries();
    else if (next.value[1].isIdle()) this.#accounts.delete(next.value[0]);
  }
}
