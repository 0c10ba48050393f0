/** Numbers that are given out once and never again, over restarts and crashes: device ids, guest names. */
import type { Engine } from "../engine/engine.ts";

export class Counters {
  readonly #engine: Engine;
  readonly #last: Map<string, number>;

  private constructor(engine: Engine, last: Map<string, number>) {
    this.#engine = engine;
    this.#last = last;
  }

  static async load(engine: Engine): Promise<Counters> {
    const stored = await engine.scan("counter", "");
    return new Counters(engine, new Map(stored.map(([key, { last }]) => [key, last])));
  }

  /** The next number of `counter`, from `first` on; it is on disk before anybody sees it. Rejects with `StorageUnavailable`. */
  async next(counter: string, first: number): Promise<number> {
    const last = Math.max(first, (this.#last.get(counter) ?? first - 1) + 1);
    this.#last.set(counter, last);
    await this.#engine.write([{ kind: "counter", key: counter, value: { last } }]);
    return last;
  }
}
