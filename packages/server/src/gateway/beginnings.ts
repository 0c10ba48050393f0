/**
 * The first bytes of memory that is used again and again, as buffers: a short one is made once for each length. Making one
 * costs more than reading or writing so few bytes. Hot path.
 */

/** Longer ones are rare, and made each time. */
const keptBytes = 2048;

export class Beginnings {
  readonly #memory: Buffer;
  readonly #made: (Buffer | undefined)[] = new Array(keptBytes + 1);

  constructor(memory: Buffer) {
    this.#memory = memory;
  }

  /** The first `length` bytes: no copy. */
  of(length: number): Buffer {
    if (length > keptBytes) return this.#memory.subarray(0, length);
    this.#made[length] ??= this.#memory.subarray(0, length);
    return this.#made[length];
  }
}
