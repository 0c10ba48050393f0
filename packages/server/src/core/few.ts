/**
 * A set of which there are very many, most of them with one member: a user's sessions, who reads a log. A `Set` of its own
 * would take each of them 150 bytes. Hot path.
 */
export class Few<T extends object> implements Iterable<T> {
  #one: T | undefined;
  /** All of them, once there have been several. */
  #all: Set<T> | undefined;

  get size(): number {
    if (this.#all) return this.#all.size;
    return this.#one === undefined ? 0 : 1;
  }

  /** The only one that there has been; undefined: there is none, or have been several. */
  get only(): T | undefined {
    return this.#one;
  }

  has(member: T): boolean {
    return this.#one === member || this.#all?.has(member) === true;
  }

  add(member: T): void {
    if (this.#all) this.#all.add(member);
    else if (this.#one === undefined) this.#one = member;
    else if (this.#one !== member) {
      this.#all = new Set([this.#one, member]);
      this.#one = undefined;
    }
  }

  /** False: it was no member. */
  delete(member: T): boolean {
    if (this.#one === member) {
      this.#one = undefined;
      return true;
    }
    const deleted = this.#all?.delete(member) ?? false;
    if (this.#all?.size === 0) this.#all = undefined;
    return deleted;
  }

  /** In the order in which they were added. */
  [Symbol.iterator](): Iterator<T> {
    return (this.#all ?? (this.#one === undefined ? none : [this.#one])).values() as Iterator<T>;
  }
}

const none: readonly never[] = [];
