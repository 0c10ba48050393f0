/**
 * A Bloom filter over dedupe keys: "certainly not seen" without touching the disk. 24 bits a key and 12 probes: about
 * 1 false positive in 80,000 when full, each of which costs some look-ups on disk and nothing else. Hot path.
 */

const bitsPerKey = 24;
const probes = 12;

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
  return { a: finished(a), b: (finished(b) | 1) >>> 0 };
}

/** Spreads a hash over all its bits (the end of MurmurHash3): the last characters of keys are what differs. */
function finished(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

export class Bloom {
  readonly bits: Uint8Array;
  /** Turns a 32-bit number into the number of a bit. */
  readonly #scale: number;

  constructor(bits: Uint8Array) {
    this.bits = bits;
    this.#scale = (bits.length * 8) / 2 ** 32;
  }

  static forKeys(capacity: number): Bloom {
    return new Bloom(new Uint8Array(Math.ceil((capacity * bitsPerKey) / 8)));
  }

  add(a: number, b: number): void {
    for (let i = 0, h = a; i < probes; i++, h = (h + b) >>> 0) {
      const bit = Math.trunc(h * this.#scale);
      this.bits[bit >>> 3] = (this.bits[bit >>> 3] as number) | (1 << (bit & 7));
    }
  }

  mayHave({ a, b }: KeyHash): boolean {
    for (let i = 0, h = a; i < probes; i++, h = (h + b) >>> 0) {
      const bit = Math.trunc(h * this.#scale);
      if (((this.bits[bit >>> 3] as number) & (1 << (bit & 7))) === 0) return false;
    }
    return true;
  }
}
