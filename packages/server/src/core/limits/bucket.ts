/**
 * A token bucket: so much per second, and two seconds' worth of it at once. Takes no timer and no memory: what has
 * flowed in since the last look is worked out from the clock. What cannot be refused may be owed, up to another two
 * seconds' worth, so that a debt is never long. Hot path (`npm run bench`): several are asked with every frame.
 */

/** How much may be taken at once, in seconds of the rate. */
export const burstSeconds = 2;

export class Bucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  /** Before the last taking. */
  #before = 0;
  #at: number;

  /** `perSecond` of 0: no limit. `now` is in ms of a clock that is never set back. `atLeast`: what one taking may need. */
  constructor(perSecond: number, now: number, atLeast = 0) {
    // Not Infinity: nothing has flowed in after no time, and that product is not a number.
    const rate = perSecond === 0 ? Number.MAX_SAFE_INTEGER : perSecond;
    this.#perMs = rate / 1000;
    this.#burst = Math.max(rate * burstSeconds, atLeast);
    this.#tokens = this.#burst;
    this.#at = now;
  }

  /** Takes `amount`, also where that is more than there is. Returns in how many ms what is owed will have flowed in; 0: nothing is owed. */
  take(now: number, amount: number): number {
    const before = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMs);
    const tokens = before - amount;
    this.#at = now;
    this.#before = before;
    if (tokens >= 0) {
      this.#tokens = tokens;
      return 0;
    }
    this.#tokens = Math.max(tokens, -this.#burst);
    return -this.#tokens / this.#perMs;
  }

  /** Takes the last taking back, because it was refused. */
  undo(): void {
    this.#tokens = this.#before;
  }

  /** Whether it is as if nothing had ever been taken. */
  isFull(now: number): boolean {
    return this.#tokens + (now - this.#at) * this.#perMs >= this.#burst;
  }
}
