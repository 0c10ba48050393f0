/**
 * Counts failed attempts by whom they were for and where they came from, and says when to wait. Bounded: at most
 * `maxKeys` are remembered, the oldest is forgotten first. A success clears nothing of others, so that guessing at many
 * accounts from one address is limited too.
 */
export interface AttemptLimit {
  /** So many failures within `windowMs` … */
  readonly failures: number;
  /** … and the next attempt waits until the window that began with the first is over. */
  readonly windowMs: number;
}

interface Count {
  failures: number;
  readonly since: number;
}

const maxKeys = 10_000;

export class Attempts {
  readonly #limit: AttemptLimit;
  readonly #counts = new Map<string, Count>();

  constructor(limit: AttemptLimit) {
    this.#limit = limit;
  }

  /** Milliseconds to wait before the next attempt; 0: none. `now` in ms. */
  waitMs(key: string, now: number): number {
    const count = this.#current(key, now);
    return count && count.failures >= this.#limit.failures ? count.since + this.#limit.windowMs - now : 0;
  }

  /** To be called before an attempt is made, so that many at once do not pass together; taken back by `succeeded`. */
  began(key: string, now: number): void {
    const count = this.#current(key, now);
    if (count) count.failures += 1;
    else {
      this.#counts.set(key, { failures: 1, since: now });
      for (const oldest of this.#counts.keys()) {
        if (this.#counts.size <= maxKeys) break;
        this.#counts.delete(oldest);
      }
    }
  }

  succeeded(key: string): void {
    const count = this.#counts.get(key);
    if (!count) return;
    count.failures -= 1;
    if (count.failures <= 0) this.#counts.delete(key);
  }

  #current(key: string, now: number): Count | undefined {
    const count = this.#counts.get(key);
    if (!count) return undefined;
    if (now - count.since < this.#limit.windowMs && now >= count.since) return count;
    this.#counts.delete(key);
    return undefined;
  }
}
