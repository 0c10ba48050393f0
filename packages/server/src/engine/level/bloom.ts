/**
 * A Bloom filter over dedupe keys: "certainly not seen" without touching the disk. 16 bits a key and 7 probes: about
 * 1 false positive in 1,500 when full, each of which costs one look-up on disk and nothing else. Hot path.
 */

const bitsPerKey = 16;
const probes = 7;

/** Two independent 32-bit hashes of a key (FNV-1a and a multiplicative one), from which all probes are derived. */
export interface KeyHash {
  readonly a: number;
  readonly b: number;
}

/** Hashes a key for `Bloom`. Not for adversaries: a forced collision costs a look-up, it never loses a message. */
export function hashKey(key: string): KeyHash {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b + code, 0x85ebca6b);
    b ^= b >>> 13;
  }
  a ^= a >>> 15;
  return { a: a >>> 0, b: (b | 1) >>> 0 };
}

export class Bloom {
  readonly bits: Uint8Array;

  constructor(bits: Uint8Array) {
    this.bits = bits;
  }

  /** `capacity` is rounded up to a power of two. */
  static forKeys(capacity: number): Bloom {
    return new Bloom(new Uint8Array(2 ** Math.ceil(Math.log2((capacity * bitsPerKey) / 8))));
  }

  add({ a, b }: KeyHash): void {
    const mask = this.bits.length * 8 - 1;
    for (let i = 0, h = a; i < probes; i++, h = (h + b) | 0) {
      const bit = (h & mask) >>> 0;
      this.bits[bit >>> 3] = (this.bits[bit >>> 3] as number) | (1 << (bit & 7));
    }
  }

  mayHave({ a, b }: KeyHash): boolean {
    const mask = this.bits.length * 8 - 1;
    for (let i = 0, h = a; i < probes; i++, h = (h + b) | 0) {
      const bit = (h & mask) >>> 0;
      if (((this.bits[bit >>> 3] as number) & (1 << (bit & 7))) === 0) return false;
    }
    return true;
  }
}
