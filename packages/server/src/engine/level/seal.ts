/**
 * Checksums. Everything the level engine stores carries a CRC-32 of its own: LevelDB by default does not verify its tables,
 * and nobody else verifies our files.
 */
import { crc32 } from "node:zlib";

/** Data that is not what was written: the message says which. */
export class CorruptStore extends Error {
  override readonly name = "CorruptStore";
}

/** Text to bytes with a CRC-32 before them: a value in LevelDB. */
export function seal(text: string): Buffer {
  const bytes = Buffer.allocUnsafe(4 + Buffer.byteLength(text));
  bytes.write(text, 4);
  bytes.writeUInt32BE(crc32(bytes.subarray(4)), 0);
  return bytes;
}

/** The text that was sealed. Throws `CorruptStore` where the bytes are others. */
export function unseal(bytes: Uint8Array, key: string): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const body = buffer.subarray(4);
  if (buffer.length < 4 || crc32(body) !== buffer.readUInt32BE(0))
    throw new CorruptStore(`checksum of ${JSON.stringify(key)} does not match`);
  return body.toString();
}
