/**
 * Memory for the journal's records until a checkpoint has moved what they hold: taken from large pieces that are used
 * again and again. Some megabytes a second that live for a second each would otherwise make the garbage collector mark the
 * whole heap every second, and on one core everybody waits for that. Hot path.
 */

/** Where something is: in the slab of that number, from that byte on. */
export interface Place {
  readonly slab: number;
  readonly at: number;
}

const slabBytes = 1024 * 1024;
/** Slabs that are kept for later: as many as two checkpoints' records fill. */
const maxFree = 32;

export class Slabs {
  /** By number; undefined: the number is free. */
  readonly #slabs: (Buffer | undefined)[] = [];
  readonly #freeSlabs: Buffer[] = [];
  readonly #freeNumbers: number[] = [];
  /** The numbers of those that hold something that came after the last `cut`. */
  #taken: number[] = [];
  #current = 0;
  #at = slabBytes;

  /** Room for `size` bytes, the caller's until it is freed. What is larger than a slab gets one of its own. */
  take(size: number): Place {
    if (size > slabBytes) return { slab: this.#add(Buffer.allocUnsafeSlow(size)), at: 0 };
    if (this.#at + size > slabBytes) {
      this.#current = this.#add(this.#freeSlabs.pop() ?? Buffer.allocUnsafeSlow(slabBytes));
      this.#at = 0;
    }
    const place = { slab: this.#current, at: this.#at };
    this.#at += size;
    return place;
  }

  #add(slab: Buffer): number {
    const number = this.#freeNumbers.pop() ?? this.#slabs.length;
    this.#slabs[number] = slab;
    this.#taken.push(number);
    return number;
  }

  /** The bytes of a slab that was not freed yet. */
  bytes(number: number): Buffer {
    return this.#slabs[number] as Buffer;
  }

  /** What was taken since the last cut, to be freed together. What is taken from now on is not among it. */
  cut(): readonly number[] {
    const taken = this.#taken;
    this.#taken = [];
    this.#at = slabBytes;
    return taken;
  }

  /** Gives slabs of a `cut` back: nobody may look into them any more. */
  free(numbers: readonly number[]): void {
    for (const number of numbers) {
      const slab = this.#slabs[number] as Buffer;
      this.#slabs[number] = undefined;
      this.#freeNumbers.push(number);
      if (slab.length === slabBytes && this.#freeSlabs.length < maxFree) this.#freeSlabs.push(slab);
    }
  }
}
