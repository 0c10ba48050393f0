/**
 * Which keys pointers get: volumes, filled one after the other. A pointer's key begins with its volume, so that what is
 * written now never overlaps what was written long ago and LevelDB has no reason to rewrite that: an append costs the
 * same however much is stored. Used by the checkpoint; look-ups go from volume to volume.
 */

import type { Database, Operation } from "./database.ts";
import { keys, pointerVolume } from "./keys.ts";
import { seal, unseal } from "./seal.ts";

/** Bytes of pointers after which the next volume begins: within one, LevelDB rewrites what overlaps. */
const defaultVolumeBytes = 32 * 1024 * 1024;

export class Volumes {
  /** Those that hold pointers, ascending; the one being filled is the last. */
  #numbers: readonly number[];
  readonly #limitBytes: number;
  #bytes: number;

  private constructor(numbers: readonly number[], bytes: number, limitBytes: number) {
    this.#numbers = numbers;
    this.#bytes = bytes;
    this.#limitBytes = limitBytes;
  }

  /** Finds the volumes by looking from each one for the next: as many look-ups as there are volumes. */
  static async load(db: Database, limitBytes = defaultVolumeBytes): Promise<Volumes> {
    const stored = await db.get(keys.volume);
    const { number, bytes } = stored
      ? (JSON.parse(unseal(stored, keys.volume)) as { number: number; bytes: number })
      : { number: 1, bytes: 0 };
    const numbers: number[] = [];
    for (let next = 0; ; ) {
      const [key] = await db.keys({ gte: keys.pointer(next, "", 0), lt: keys.pointer(number, "", 0), limit: 1 }).all();
      if (key === undefined) return new Volumes([...numbers, number], bytes, limitBytes);
      numbers.push(pointerVolume(key));
      next = pointerVolume(key) + 1;
    }
  }

  get numbers(): readonly number[] {
    return this.#numbers;
  }

  get current(): number {
    return this.#numbers.at(-1) ?? 1;
  }

  /** What to write at the end of a checkpoint that filled the current volume by `bytes`; `filled` then makes it so. */
  after(bytes: number): { readonly put: Operation; readonly filled: () => void } {
    const total = this.#bytes + bytes;
    const next =
      total < this.#limitBytes ? { number: this.current, bytes: total } : { number: this.current + 1, bytes: 0 };
    const filled = () => {
      if (next.number !== this.current) this.#numbers = [...this.#numbers, next.number];
      this.#bytes = next.bytes;
    };
    return { put: { type: "put", key: keys.volume, value: seal(JSON.stringify(next)) }, filled };
  }
}
