/** Seqs that were sent and are not acknowledged, as ranges: they nearly always follow each other. Hot path. */

/** Ranges that are gone through before their memory is given back. */
const kept = 256;

export class Unacked {
  /** First and last of each range, ascending from `#oldest` on. */
  #ranges: number[] = [];
  #oldest = 0;
  #count = 0;

  /** How many seqs there are. */
  get count(): number {
    return this.#count;
  }

  /** Adds `first` to `last`, which are above all that were added before. */
  add(first: number, last: number): void {
    const ranges = this.#ranges;
    const end = ranges.length;
    if (end > this.#oldest && ranges[end - 1] === first - 1) ranges[end - 1] = last;
    else ranges.push(first, last);
    this.#count += last - first + 1;
  }

  has(seq: number): boolean {
    for (let at = this.#oldest; at < this.#ranges.length; at += 2)
      if ((this.#ranges[at] as number) <= seq && seq <= (this.#ranges[at + 1] as number)) return true;
    return false;
  }

  /** Removes all up to `seq`; returns how many they were. */
  ack(seq: number): number {
    const ranges = this.#ranges;
    const before = this.#count;
    while (this.#oldest < ranges.length) {
      const first = ranges[this.#oldest] as number;
      const last = ranges[this.#oldest + 1] as number;
      if (first > seq) break;
      if (last > seq) {
        ranges[this.#oldest] = seq + 1;
        this.#count -= seq - first + 1;
        break;
      }
      this.#count -= last - first + 1;
      this.#oldest += 2;
    }
    if (this.#oldest === ranges.length) {
      ranges.length = 0;
      this.#oldest = 0;
    } else if (this.#oldest > kept) {
      this.#ranges = ranges.slice(this.#oldest);
      this.#oldest = 0;
    }
    return before - this.#count;
  }
}
