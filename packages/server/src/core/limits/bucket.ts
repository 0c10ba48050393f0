/**
 * A token bucket: so much per second, and two seconds' worth of it at once. Takes no timer and no memory, and looks at the
 * clock only when it is empty: that is the cost that counts. So what flowed in meanwhile is added late, and up to four
 * seconds' worth may pass at once after a silence; over any longer time the rate holds. What cannot be refused may be owed,
 * up to another two seconds' worth, so that a debt is never long. Hot path (`npm run bench`): six are asked with every frame.
 */

/** How much it holds, in seconds of the rate. */
export const burstSeconds = 2;

/** What buckets of one kind have in common. */
export class Flow {
  readonly now: () => number;
  readonly perMs: number;
  readonly burst: number;

  /** `perSecond` of 0: no limit. `now`: ms of a clock that is never set back. `atLeast`: what one taking may need. */
  constructor(perSecond: number, now: () => number, atLeast = 0) {
    // Not Infinity: nothing has flowed in after no time, and that product is not a number.
    const rate = perSecond === 0 ? Number.MAX_SAFE_INTEGER : perSecond;
    this.now = now;
    this.perMs = rate / 1000;
    this.burst = Math.max(rate * burstSeconds, atLeast);
  }
}

export class Bucket {
  readonly #flow: Flow;
  #tokens: number;
  /** Before the last taking. */
  #before = 0;
  /** Up to when what has flowed in was added, in whole ms: a number with a fraction is an object of its own. */
  #at: number;

  constructor(flow: Flow) {
    this.#flow = flow;
    this.#tokens = flow.burst;
    this.#at = Math.floor(flow.now());
  }

  /** Takes `amount`, also where that is more than there is. Returns in how many ms what is owed will have flowed in; 0: nothing is owed. */
  take(amount: number): number {
    const before = this.#tokens;
    this.#before = before;
    if (amount > before) return this.#refill(amount);
    this.#tokens = before - amount;
    return 0;
  }

  #refill(amount: number): number {
    const { now, burst, perMs } = this.#flow;
    const whole = Math.floor(now());
    this.#before = Math.min(burst, this.#tokens + (whole - this.#at) * perMs);
    this.#at = whole;
    this.#tokens = Math.max(this.#before - amount, -burst);
    return this.#tokens >= 0 ? 0 : -this.#tokens / perMs;
  }

  /** Takes the last taking back, because it was refused. */
  undo(): void {
    this.#tokens = this.#before;
  }

  /** Whether it is as if nothing had ever been taken. */
  isFull(): boolean {
    const { now, burst, perMs } = this.#flow;
    return this.#tokens + (now() - this.#at) * perMs >= burst;
  }
}
