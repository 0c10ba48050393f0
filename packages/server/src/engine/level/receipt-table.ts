/**
 * From the hash of a dedupe key to the pages where its receipt may be: open addressing in one typed array, outside the
 * garbage collector's reach. On disk it is cut into buckets by the first bits of the hash (`buckets`). Hot path.
 */
import type { KeyHash } from "./bloom.ts";

/** A slot: both hashes, and the page + 1 (0: empty). */
const words = 3;
const slotBytes = words * 4;
const firstSlots = 1024;
const keysPerBucket = 64;
const slotsPerSlice = 2048;

export class ReceiptTable {
  #slots: Uint32Array;
  #mask: number;
  size = 0;

  private constructor(slots: Uint32Array) {
    this.#slots = slots;
    this.#mask = slots.length / words - 1;
  }

  static create(): ReceiptTable {
    return new ReceiptTable(new Uint32Array(firstSlots * words));
  }

  add(hash: KeyHash, page: number): void {
    if (this.size * 2 > this.#mask) this.#grow();
    this.#insert(hash.a, hash.b, page + 1);
    this.size += 1;
  }

  /** The pages that may have the key, oldest first; nearly always none or one. */
  find({ a, b }: KeyHash): readonly number[] {
    let found = none;
    for (let slot = a & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = slot * words;
      const page = this.#slots[at + 2] as number;
      if (page === 0) return found;
      if (this.#slots[at] === a && this.#slots[at + 1] === b) found = [...found, page - 1];
    }
  }

  /** Calls `visit` for all hashes with their pages, in slices, so that the event loop is never held for long. */
  async visit(visit: (a: number, b: number, page: number) => void): Promise<void> {
    const slots = this.#slots;
    for (let from = 0; from < slots.length; from += slotsPerSlice * words) {
      const end = Math.min(slots.length, from + slotsPerSlice * words);
      for (let at = from; at < end; at += words) {
        const page = slots[at + 2] as number;
        if (page !== 0) visit(slots[at] as number, slots[at + 1] as number, page - 1);
      }
      await new Promise(setImmediate);
    }
  }

  #insert(a: number, b: number, page: number): void {
    let slot = a & this.#mask;
    while (this.#slots[slot * words + 2] !== 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot * words] = a;
    this.#slots[slot * words + 1] = b;
    this.#slots[slot * words + 2] = page;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    this.#mask = this.#slots.length / words - 1;
    for (let at = 0; at < old.length; at += words) {
      const page = old[at + 2] as number;
      if (page !== 0) this.#insert(old[at] as number, old[at + 1] as number, page);
    }
  }
}

const none: readonly number[] = [];

/**
 * A table as it is stored: the number of buckets is a power of two, a key's bucket is what the first bits of its hash say.
 * Pages are told as `places[page]`. Nothing is added to the table meanwhile.
 */
export async function buckets(table: ReceiptTable, places: readonly number[]): Promise<Buffer[]> {
  const count = 2 ** Math.max(0, Math.ceil(Math.log2(table.size / keysPerBucket)));
  const starts = new Uint32Array(count + 1);
  await table.visit((a) => {
    const next = bucketOf(a, count) + 1;
    starts[next] = (starts[next] as number) + 1;
  });
  for (let i = 1; i <= count; i++) starts[i] = (starts[i] as number) + (starts[i - 1] as number);
  const slots = new Uint32Array(table.size * words);
  const ends = starts.slice();
  await table.visit((a, b, page) => {
    const bucket = bucketOf(a, count);
    const slot = ends[bucket] as number;
    ends[bucket] = slot + 1;
    slots[slot * words] = a;
    slots[slot * words + 1] = b;
    slots[slot * words + 2] = places[page] as number;
  });
  const bytes = Buffer.from(slots.buffer);
  return Array.from({ length: count }, (_, i) =>
    bytes.subarray((starts[i] as number) * slotBytes, (starts[i + 1] as number) * slotBytes),
  );
}

/** The bucket of a hash among `count`. */
export function bucketOf(a: number, count: number): number {
  return Math.floor(a * (count / 2 ** 32));
}

/** Calls `visit` with the hashes in a bucket and the places of their pages. */
export function visitBucket(bucket: Buffer, visit: (a: number, b: number, place: number) => void): void {
  for (let at = 0; at < bucket.length; at += slotBytes)
    visit(bucket.readUInt32LE(at), bucket.readUInt32LE(at + 4), bucket.readUInt32LE(at + 8));
}
