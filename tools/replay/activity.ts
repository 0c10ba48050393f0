/**
 * Lets the run wait for a condition without polling: whoever changes something says `changed()`, and the conditions
 * that are waited for are looked at again. While nothing changes at all for `stallMs`, the run has stalled.
 */

interface Waiting {
  readonly condition: () => boolean;
  readonly settle: (held: boolean) => void;
}

export class Activity {
  readonly #waiting = new Set<Waiting>();
  #changes = 0;

  /** Something happened that a condition may depend on. Hot path: called for every delivery. */
  changed(): void {
    this.#changes += 1;
    if (this.#waiting.size === 0) return;
    for (const waiting of this.#waiting) if (waiting.condition()) waiting.settle(true);
  }

  /** Resolves with true when `condition` holds, with false when nothing has changed for `stallMs`. */
  until(condition: () => boolean, stallMs: number): Promise<boolean> {
    if (condition()) return Promise.resolve(true);
    return new Promise((resolve) => {
      let seen = this.#changes;
      const timer = setInterval(() => {
        if (condition()) waiting.settle(true);
        else if (this.#changes === seen) waiting.settle(false);
        else seen = this.#changes;
      }, stallMs);
      const waiting: Waiting = {
        condition,
        settle: (held) => {
          clearInterval(timer);
          this.#waiting.delete(waiting);
          resolve(held);
        },
      };
      this.#waiting.add(waiting);
    });
  }
}
