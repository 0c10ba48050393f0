/** Takes the mask off the payload of a client's frame (RFC 6455, section 5.3). Hot path: every byte that clients send over WebSocket. */

/** Words are read as the processor has them, masks as the network does. */
const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
const highBits = 0x80808080;

/** The words of the memory that was looked at last, from its first place on that is a multiple of four: most often all reads share one. */
let lastBytes: Uint8Array = new Uint8Array(0);
let lastWords: Int32Array = new Int32Array(0);
let firstWordAt = 0;

/**
 * Unmasks the bytes from `start` to before `end`, in place; `mask` has its first byte lowest. Returns whether all of them
 * are ASCII then, which costs nothing to see on the way and saves the check of UTF-8.
 */
export function unmask(bytes: Uint8Array, start: number, end: number, mask: number): boolean {
  const length = end - start;
  const lead = isLittleEndian ? Math.min(length, -(bytes.byteOffset + start) & 3) : length;
  let all = unmaskBytes(bytes, start, start + lead, mask);
  const words = (length - lead) >> 2;
  if (words > 0) all |= unmaskWords(bytes, start + lead, words, rotated(mask, lead));
  const rest = start + lead + words * 4;
  if (rest < end) all |= unmaskBytes(bytes, rest, end, rotated(mask, lead));
  return (all & highBits) === 0;
}

/** The mask as it stands `bytes` bytes further on. */
export function rotated(mask: number, bytes: number): number {
  const bits = (bytes & 3) * 8;
  // A shift by 32 is one by 0.
  return bits === 0 ? mask : (mask >>> bits) | (mask << (32 - bits));
}

/** All unmasked bytes, or-ed. */
function unmaskBytes(bytes: Uint8Array, start: number, end: number, mask: number): number {
  let all = 0;
  for (let i = start; i < end; i++) {
    const byte = (bytes[i] as number) ^ ((mask >>> (((i - start) & 3) * 8)) & 0xff);
    bytes[i] = byte;
    all |= byte;
  }
  return all;
}

/** From a multiple of four bytes on. */
function unmaskWords(bytes: Uint8Array, start: number, count: number, mask: number): number {
  if (bytes !== lastBytes) lookAt(bytes);
  const words = lastWords;
  const first = (start - firstWordAt) >> 2;
  let all = 0;
  for (let i = first; i < first + count; i++) {
    const word = (words[i] as number) ^ mask;
    words[i] = word;
    all |= word;
  }
  return all;
}

function lookAt(bytes: Uint8Array): void {
  lastBytes = bytes;
  firstWordAt = -bytes.byteOffset & 3;
  lastWords = new Int32Array(bytes.buffer, bytes.byteOffset + firstWordAt, (bytes.length - firstWordAt) >> 2);
}
