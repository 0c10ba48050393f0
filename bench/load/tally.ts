/** Counts towards a total that somebody waits for. */

/** After so long without anything the total will not come any more. */
const stallMs = 20_000;

export class Tally {
  #count = 0;
  #awaited: { readonly total: number; readonly resolve: () => void } | undefined;

  get count(): number {
    return this.#count;
  }

  add(number: number): void {
    this.#count += number;
    if (this.#awaited && this.#count >= this.#awaited.total) this.#awaited.resolve();
  }

  /** Resolves when the count is `total`; rejects when nothing was added for long. One at a time may wait. */
  async reach(total: number): Promise<void> {
    if (this.#count >= total) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#awaited = { total, resolve };
    let seen = -1;
    const timer = setInterval(() => {
      if (this.#count === seen)
        reject(new Error(`${this.#count} of ${total} came, and then nothing for ${stallMs} ms`));
      seen = this.#count;
    }, stallMs);
    await promise.finally(() => {
      clearInterval(timer);
      this.#awaited = undefined;
    });
  }
}
