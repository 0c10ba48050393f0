/**
 * Text as UTF-8, piece after piece, in memory that is used again: what a commit is made of. As strings that were joined it
 * would be written several times over before it is in the journal. Hot path (`npm run bench`).
 */

const firstCapacity = 64 * 1024;
/** Memory that is kept from one commit to the next. */
const keptCapacity = 4 * 1024 * 1024;
/** Up to this length a loop is faster than a call into the runtime. */
const shortLength = 40;
const zero = 0x30;
/** Of a whole number that is exact. */
const maxDigits = 16;
/** UTF-8 takes at most so many bytes for a UTF-16 unit. */
const bytesPerUnit = 3;
/** From this length on counting the bytes costs less than room for the most that there may be. */
const longLength = 4096;

export class TextWriter {
  #bytes = Buffer.allocUnsafeSlow(firstCapacity);
  #length = 0;

  /** How many bytes there are. */
  get length(): number {
    return this.#length;
  }

  /** All of it, until the next `clear`. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > keptCapacity) this.#bytes = Buffer.allocUnsafeSlow(firstCapacity);
  }

  /** Appends text; returns its size in bytes. */
  text(text: string): number {
    this.#reserve(text.length < longLength ? text.length * bytesPerUnit : Buffer.byteLength(text));
    const bytes = this.#bytes;
    const start = this.#length;
    if (text.length <= shortLength) {
      let at = start;
      for (let i = 0; i < text.length; i++) {
        const unit = text.charCodeAt(i);
        if (unit > 0x7f) return this.#encoded(text);
        bytes[at++] = unit;
      }
      this.#length = at;
      return at - start;
    }
    return this.#encoded(text);
  }

  #encoded(text: string): number {
    const size = this.#bytes.write(text, this.#length);
    this.#length += size;
    return size;
  }

  /** Appends a character of ASCII by its code. */
  character(code: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = code;
  }

  /** Appends a whole number of at least 0, in decimal. */
  number(number: number): void {
    this.#reserve(maxDigits);
    let digits = 1;
    for (let tens = 10; tens <= number; tens *= 10) digits += 1;
    const start = this.#length;
    let rest = number;
    for (let at = start + digits - 1; at >= start; at--) {
      const tenth = Math.floor(rest / 10);
      this.#bytes[at] = zero + (rest - tenth * 10);
      rest = tenth;
    }
    this.#length += digits;
  }

  #reserve(size: number): void {
    if (this.#length + size <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#length + size));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
