/** Seqs that were sent and are not acknowledged, as ranges: they nearly always follow each other. Hot path. */

/** Ranges that are gone through before their memory is given back. */
const kept = 256;

export class Unacked {
  /** The oldest range, where there is any. */
  #first = 0;
  #last = 0;
  /** First and last of each other one, ascending from `#next` on; most often there is none. */
  #others: number[] | undefined;
  #next = 0;
  #count = 0;

  /** How many seqs there are. */
  get count(): number {
    return this.#count;
  }

  /** Adds `first` to `last`, which are above all that were added before. */
  add(first: number, last: number): void {
    const others = this.#others;
    if (this.#count === 0) {
      this.#first = first;
      this.#last = last;
    } else if (others === undefined) {
      if (first === this.#last + 1) this.#last = last;
      else this.#others = [first, last];
    } else if (others.at(-1) === first - 1) others[others.length - 1] = last;
    else others.push(first, last);
    this.#count += last - first + 1;
  }

  has(seq: number): boolean {
    if (this.#count === 0) return false;
    if (this.#first <= seq && seq <= this.#last) return true;
    const others = this.#others ?? [];
    for (let at = this.#next; at < others.length; at += 2)
      if ((others[at] as number) <= seq && seq <= (others[at + 1] as number)) return true;
    return false;
  }

  /** Removes all up to `seq`; returns how many they were. */
  ack(seq: number): number {
    const before = this.#count;
    while (this.#count > 0 && this.#first <= seq) {
      if (this.#last > seq) {
        this.#count -= seq - this.#first + 1;
        this.#first = seq + 1;
        break;
      }
      this.#count -= this.#last - this.#first + 1;
      if (this.#count > 0) this.#turn();
    }
    return before - this.#count;
  }

  /** The next range is the oldest one. */
  #turn(): void {
    const others = this.#others as number[];
    this.#first = others[this.#next] as number;
    this.#last = others[this.#next + 1] as number;
    this.#next += 2;
    if (this.#next === others.length) this.#others = undefined;
    else if (this.#next > kept) this.#others = others.slice(this.#next);
    else return;
    this.#next = 0;
  }
}
