/** Waiting for something to happen that a test is told of, with an end: silence fails the test instead of hanging it. */

const patienceMs = 5_000;

export class Patience {
  #wake: () => void = () => {};

  /** Something has happened. */
  wake(): void {
    this.#wake();
  }

  /** Resolves at the next `wake`. Rejects after `timeoutMs`. */
  async change(timeoutMs = patienceMs): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const late = () => reject(new Error(`the server said nothing for ${timeoutMs} ms`));
    const timer = setTimeout(late, timeoutMs);
    await promise.finally(() => clearTimeout(timer));
  }
}
