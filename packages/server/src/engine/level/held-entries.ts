/**
 * Entries of one log that no checkpoint has moved yet, as the bytes that they have in the journal's records: outside of the
 * garbage collector's heap, where some ten thousand objects that live for seconds would cost more than all else. An entry is
 * made of them when somebody reads it. Hot path.
 */
import type { LogName } from "@parley/protocol";
import { Entry } from "../entry.ts";

/** The contents of one commit's appends, and where in them one append's line begins and ends. */
export interface ContentPlace {
  readonly contents: Buffer;
  readonly start: number;
  readonly end: number;
}

const tab = 0x09;

export class HeldEntries {
  /** By index, ascending in seq. */
  readonly #seqs: number[] = [];
  readonly #contents: Buffer[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  add(seq: number, { contents, start, end }: ContentPlace): void {
    this.#seqs.push(seq);
    this.#contents.push(contents);
    this.#starts.push(start);
    this.#ends.push(end);
  }

  get length(): number {
    return this.#seqs.length;
  }

  /** The seq at an index; undefined beyond the last. */
  seqAt(index: number): number | undefined {
    return this.#seqs[index];
  }

  /** The index of the first entry with a seq of at least `seq`. */
  lowerBound(seq: number): number {
    let low = 0;
    let high = this.#seqs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#seqs[middle] as number) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  entryAt(index: number, log: LogName, epoch: string): Entry {
    const { contents, start, end } = this.#placeAt(index);
    const originEnd = contents.indexOf(tab, start);
    const payloadAt = contents.indexOf(tab, originEnd + 1) + 1;
    const origin = contents.toString("utf8", start, originEnd);
    const expiresAt = Number(contents.toString("latin1", originEnd + 1, payloadAt - 1));
    return new Entry(
      log,
      epoch,
      this.#seqs[index] as number,
      contents.toString("utf8", payloadAt, end - 1),
      origin,
      expiresAt,
    );
  }

  /** The size of an entry's payload, in bytes. */
  payloadBytesAt(index: number): number {
    const { contents, start, end } = this.#placeAt(index);
    return end - 2 - contents.indexOf(tab, contents.indexOf(tab, start) + 1);
  }

  /** The size of an entry's line, in bytes. */
  lineBytesAt(index: number): number {
    return (this.#ends[index] as number) - (this.#starts[index] as number);
  }

  /** Copies an entry's line to `target` at `at`; returns where it ends. */
  copyLine(index: number, target: Buffer, at: number): number {
    const { contents, start, end } = this.#placeAt(index);
    return at + contents.copy(target, at, start, end);
  }

  #placeAt(index: number): ContentPlace {
    return {
      contents: this.#contents[index] as Buffer,
      start: this.#starts[index] as number,
      end: this.#ends[index] as number,
    };
  }
}
