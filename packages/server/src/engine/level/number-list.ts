/** Whole numbers of 32 bits by index, in memory that is used again. Hot path (`npm run bench`). */

const firstCapacity = 1024;
/** Memory that is kept from one use to the next. */
const keptCapacity = 256 * 1024;

export class NumberList {
  #numbers = new Int32Array(firstCapacity);

  /** From now on it has `length` numbers, all of them 0. */
  begin(length: number): void {
    const { length: capacity } = this.#numbers;
    if (length <= capacity && capacity <= keptCapacity) this.#numbers.fill(0, 0, length);
    else this.#numbers = new Int32Array(Math.max(firstCapacity, length * 2));
  }

  at(index: number): number {
    return this.#numbers[index] as number;
  }

  set(index: number, number: number): void {
    this.#numbers[index] = number;
  }
}
