/** Appends that wait for the next commit. Hot path. */
import type { Append } from "../engine.ts";

export class AppendQueue {
  /** Payload characters that go into one commit, so that one batch never blocks for long. */
  readonly #maxChars: number;
  #appends: Append[] = [];
  #chars = 0;
  /** `performance.now()` when the first came of those that wait, or else of those that were taken last. */
  since = 0;

  constructor(maxChars: number) {
    this.#maxChars = maxChars;
  }

  get length(): number {
    return this.#appends.length;
  }

  push(append: Append): void {
    if (this.#appends.push(append) === 1) this.since = performance.now();
    this.#chars += append.payload.length;
  }

  /** Those of the next commit: the first, and as many more as it has room for. */
  take(): readonly Append[] {
    if (this.#chars <= this.#maxChars) return this.takeAll();
    let chars = 0;
    const end = this.#appends.findIndex(({ payload }) => {
      chars += payload.length;
      return chars > this.#maxChars;
    });
    const taken = this.#appends.splice(0, Math.max(1, end));
    for (const { payload } of taken) this.#chars -= payload.length;
    return taken;
  }

  /** All that wait, however much that is. */
  takeAll(): readonly Append[] {
    const all = this.#appends;
    this.#appends = [];
    this.#chars = 0;
    return all;
  }
}
