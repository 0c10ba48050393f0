/**
 * Entries of one log that no checkpoint has moved yet: where their bytes are in the journal's records in memory. All of it
 * is outside of the garbage collector's heap, where some ten thousand objects that live for seconds would cost more than
 * all else. An entry is made of them when somebody reads it. Hot path.
 */
import type { LogName } from "@parley/protocol";
import { Entry } from "../entry.ts";
import { Slabs } from "./slabs.ts";

const tab = 0x09;
/** Of an entry: its seq above the first one's, its slab, where in it its line begins and ends, the size of its payload. */
const words = 5;
/** A typed array of so many entries (64 bytes at most) is no allocation of its own. */
const firstCapacity = 3;
/** Of a log that has no entries here, as most have most of the time. */
const noPlaces = new Uint32Array(0);

export class HeldEntries {
  /** Of all logs that hold none, as most do most of the time: never added to. */
  static readonly none = new HeldEntries(new Slabs());

  readonly #slabs: Slabs;
  #places: Uint32Array;
  #firstSeq = 0;
  length = 0;

  /** `expected`: how many there may be. */
  constructor(slabs: Slabs, expected = 0) {
    this.#slabs = slabs;
    this.#places = expected === 0 ? noPlaces : new Uint32Array(expected * words);
  }

  /** Adds an entry, of a higher seq than all before it; its line is in a slab from `start` to before `end`, `bytes` of it payload. */
  add(seq: number, slab: number, start: number, end: number, bytes: number): void {
    const at = this.length * words;
    if (at === this.#places.length) this.#grow();
    if (at === 0) this.#firstSeq = seq;
    this.#places[at] = seq - this.#firstSeq;
    this.#places[at + 1] = slab;
    this.#places[at + 2] = start;
    this.#places[at + 3] = end;
    this.#places[at + 4] = bytes;
    this.length += 1;
  }

  #grow(): void {
    const grown = new Uint32Array(Math.max(firstCapacity * words, this.#places.length * 2));
    grown.set(this.#places);
    this.#places = grown;
  }

  /** The seq at an index; undefined beyond the last. */
  seqAt(index: number): number | undefined {
    return index < this.length ? this.#firstSeq + (this.#places[index * words] as number) : undefined;
  }

  /** The index of the first entry with a seq of at least `seq`. */
  lowerBound(seq: number): number {
    const wanted = seq - this.#firstSeq;
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#places[middle * words] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  entryAt(index: number, log: LogName, epoch: string): Entry {
    const bytes = this.#slabOf(index);
    const start = this.#startOf(index);
    const originEnd = bytes.indexOf(tab, start);
    const payloadAt = bytes.indexOf(tab, originEnd + 1) + 1;
    const origin = bytes.toString("utf8", start, originEnd);
    const expiresAt = Number(bytes.toString("latin1", originEnd + 1, payloadAt - 1));
    const payload = bytes.toString("utf8", payloadAt, this.#endOf(index) - 1);
    return new Entry(log, epoch, this.seqAt(index) as number, payload, origin, expiresAt);
  }

  /** The size of an entry's payload, in bytes. */
  payloadBytesAt(index: number): number {
    return this.#places[index * words + 4] as number;
  }

  /** The size of an entry's line, in bytes. */
  lineBytesAt(index: number): number {
    return this.#endOf(index) - this.#startOf(index);
  }

  /** Copies an entry's line to `target` at `at`; returns where it ends. */
  copyLine(index: number, target: Buffer, at: number): number {
    return at + this.#slabOf(index).copy(target, at, this.#startOf(index), this.#endOf(index));
  }

  #slabOf(index: number): Buffer {
    return this.#slabs.bytes(this.#places[index * words + 1] as number);
  }

  #startOf(index: number): number {
    return this.#places[index * words + 2] as number;
  }

  #endOf(index: number): number {
    return this.#places[index * words + 3] as number;
  }
}
