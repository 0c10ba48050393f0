/**
 * First in, first out, in constant time (an array's `shift` is linear). Hot path: every message received passes through
 * one, and so does every send.
 */

export class Queue<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#items.length || this.#head > 1024) this.#compact();
    return item;
  }

  /** Puts items before everything that waits, in their order. */
  unshift(items: readonly T[]): void {
    this.#items = [...items, ...this.#items.slice(this.#head)];
    this.#head = 0;
  }

  /** Takes out, in order, what `matches` says. */
  remove(matches: (item: T) => boolean): T[] {
    const waiting = this.#items.slice(this.#head) as T[];
    this.#items = waiting.filter((item) => !matches(item));
    this.#head = 0;
    return waiting.filter(matches);
  }

  #compact(): void {
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}
