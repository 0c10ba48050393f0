/** A set of small whole numbers, one bit each: which messages a user has got. Hot path. */
export class SeenSet {
  #bits = new Uint8Array(64);

  has(index: number): boolean {
    return ((this.#bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
  }

  /** Adds a number; false when it was there. */
  add(index: number): boolean {
    if (this.has(index)) return false;
    const at = index >> 3;
    if (at >= this.#bits.length) {
      const wider = new Uint8Array(Math.max(at + 1, this.#bits.length * 2));
      wider.set(this.#bits);
      this.#bits = wider;
    }
    this.#bits[at] = (this.#bits[at] ?? 0) | (1 << (index & 7));
    return true;
  }
}
