/**
 * Random numbers that can be had again: the same seed and stream give the same ones. Each part of a run draws from a
 * stream of its own, so that what one draws does not depend on when another does.
 */
import { createHash } from "node:crypto";

export class Random {
  #state: number;

  constructor(seed: number, stream: string) {
    this.#state = createHash("sha256").update(`${seed} ${stream}`).digest().readUInt32LE(0);
  }

  /** A number in [0, 1) (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to `bound - 1`. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }
}
