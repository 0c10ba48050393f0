/**
 * Keeps a log readable when the same thing goes wrong again and again: of lines that say the same, the first few of an
 * interval are written, then how many more there were. What differs in `about` is the same thing.
 */

export interface RepetitionOptions {
  /** Lines of one kind in one interval. */
  readonly limit: number;
  readonly intervalMs: number;
  /** Tells that `count` more lines of this kind were not written. */
  readonly omitted: (kind: string, count: number) => void;
}

/** Kinds that are remembered within an interval; beyond them lines are written. */
const maxKinds = 1000;

export class Repetition {
  readonly #options: RepetitionOptions;
  readonly #counts = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RepetitionOptions) {
    this.#options = options;
  }

  /** Whether a line of that kind is to be written now. */
  allows(kind: string): boolean {
    const { limit, intervalMs } = this.#options;
    this.#timer ??= setTimeout(() => this.flush(), intervalMs).unref();
    const count = (this.#counts.get(kind) ?? 0) + 1;
    if (count > 1 || this.#counts.size < maxKinds) this.#counts.set(kind, count);
    return count <= limit;
  }

  /** Ends the interval: tells what was omitted. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const counts = [...this.#counts];
    this.#counts.clear();
    const { limit, omitted } = this.#options;
    for (const [kind, count] of counts) if (count > limit) omitted(kind, count - limit);
  }
}
