/**
 * Bytes as base64 and back (RFC 4648, with padding), for bodies that are not text. Uses what the platform has built in,
 * and `btoa`/`atob` where it has not.
 */

interface NativeBytes {
  toBase64?(): string;
}
interface NativeConstructor {
  fromBase64?(text: string): Uint8Array;
}

const chunkBytes = 0x8000;

/** Encodes bytes as base64. */
export function encodeBase64(bytes: Uint8Array): string {
  const native = bytes as NativeBytes;
  if (native.toBase64) return native.toBase64();
  let binary = "";
  for (let offset = 0; offset < bytes.length; offset += chunkBytes) {
    binary += String.fromCharCode(...bytes.subarray(offset, offset + chunkBytes));
  }
  return btoa(binary);
}

/** Decodes base64. Throws on what is not base64. */
export function decodeBase64(text: string): Uint8Array {
  const native = Uint8Array as NativeConstructor;
  if (native.fromBase64) return native.fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}
