/**
 * From the hash of a dedupe key to the pages where its receipt may be: open addressing in one typed array, outside the
 * garbage collector's reach. On disk it is the list of its used slots. Hot path.
 */
import type { KeyHash } from "./bloom.ts";

/** A slot: both hashes, and the page + 1 (0: empty). */
const words = 3;
const slotBytes = words * 4;
const firstSlots = 1024;

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

  /** Calls `visit` for all hashes with their pages. */
  visit(visit: (a: number, b: number, page: number) => void): void {
    for (let at = 0; at < this.#slots.length; at += words) {
      const page = this.#slots[at + 2] as number;
      if (page !== 0) visit(this.#slots[at] as number, this.#slots[at + 1] as number, page - 1);
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

/** A table as it is stored: hashes, each with the place of its page, which is `places[page]`. */
export function offsetTable(table: ReceiptTable, places: readonly number[]): Buffer {
  const slots = new Uint32Array(table.size * words);
  let at = 0;
  table.visit((a, b, page) => {
    slots[at++] = a;
    slots[at++] = b;
    slots[at++] = places[page] as number;
  });
  return Buffer.from(slots.buffer);
}

/** Calls `visit` with the hashes of an `offsetTable` from number `from` on, at most `count`; returns how many there were. */
export function visitHashes(bytes: Buffer, from: number, count: number, visit: (hash: KeyHash) => void): number {
  const end = Math.min(bytes.length, (from + count) * slotBytes);
  for (let at = from * slotBytes; at < end; at += slotBytes) {
    visit({ a: bytes.readUInt32LE(at), b: bytes.readUInt32LE(at + 4) });
  }
  return Math.max(0, end / slotBytes - from);
}

/** The places of the pages that may have the key, by an `offsetTable`. */
export function pagesIn(bytes: Buffer, { a, b }: KeyHash): number[] {
  const pages: number[] = [];
  for (let at = 0; at < bytes.length; at += slotBytes) {
    if (bytes.readUInt32LE(at) === a && bytes.readUInt32LE(at + 4) === b) pages.push(bytes.readUInt32LE(at + 8));
  }
  return pages;
}
