/**
 * Where chunks go: volumes, filled one after the other. A chunk's key begins with its volume, so that what is written
 * now never overlaps what was written long ago and LevelDB has no reason to rewrite that: an append costs the same
 * however much is stored (docs/adr/0001-storage-layout.md). Used by the checkpoint; reads go from volume to volume.
 */
import { chunkVolume, keys, seal, unseal } from "./codec.ts";
import type { Database } from "./open-store.ts";

/** Bytes of chunks after which the next volume begins: within one, LevelDB rewrites what overlaps. */
const defaultVolumeBytes = 128 * 1024 * 1024;

export class Volumes {
  /** Those that hold chunks, ascending; the one being filled is the last. */
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
      const [key] = await db.keys({ gte: keys.chunk(next, "", 0), lt: keys.chunk(number, "", 0), limit: 1 }).all();
      if (key === undefined) return new Volumes([...numbers, number], bytes, limitBytes);
      numbers.push(chunkVolume(key));
      next = chunkVolume(key) + 1;
    }
  }

  get numbers(): readonly number[] {
    return this.#numbers;
  }

  get current(): number {
    return this.#numbers.at(-1) ?? 1;
  }

  /** What to write at the end of a checkpoint that filled the current volume by `bytes`; `filled` then makes it so. */
  after(bytes: number): { readonly put: { type: "put"; key: string; value: Buffer }; readonly filled: () => void } {
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
