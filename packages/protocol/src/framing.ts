/**
 * Length-prefixed framing (PROTOCOL.md, "TCP"): a 4-byte unsigned big-endian length, then that many payload bytes.
 * The decoder takes bytes as they come, split or merged anywhere, and allocates nothing for a length whose bytes have
 * not arrived. Hot path; no I/O, so server, client and tests share it.
 */

export const lengthPrefixBytes = 4;

export type FrameFault = "frame_too_large" | "bad_frame";

/** Prefixes `payload` with its length: returns one new array of `4 + payload.length` bytes. */
export function encodeFrame(payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(lengthPrefixBytes + payload.length);
  new DataView(frame.buffer).setUint32(0, payload.length);
  frame.set(payload, lengthPrefixBytes);
  return frame;
}

/**
 * Cuts a byte stream into payloads. `push` hands every complete payload to `onFrame` before it returns; a payload
 * is a view that is valid only during the call. After a fault (length 0 or above `maxBytes`) the stream has no frame
 * boundary any more: the fault is returned, and every later `push` returns it again.
 */
export class FrameDecoder {
  maxBytes: number;
  #onFrame: (payload: Uint8Array) => void;
  #chunks: Uint8Array[] = [];
  #buffered = 0;
  #fault: FrameFault | undefined;

  constructor(maxBytes: number, onFrame: (payload: Uint8Array) => void) {
    this.maxBytes = maxBytes;
    this.#onFrame = onFrame;
  }

  /** Bytes that arrived and are not yet part of a complete frame. */
  get bufferedBytes(): number {
    return this.#buffered;
  }

  push(chunk: Uint8Array): FrameFault | undefined {
    if (this.#fault) return this.#fault;
    if (this.#buffered > 0) {
      this.#chunks.push(chunk);
      this.#buffered += chunk.length;
      const needed = this.#needed();
      if (this.#buffered < needed) return this.#fault;
      chunk = concat(this.#chunks, this.#buffered);
    }
    const rest = this.#consume(chunk);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#buffered = rest.length;
    return this.#fault;
  }

  /** How many buffered bytes make progress possible: the prefix, or the whole of the frame that the prefix announces. */
  #needed(): number {
    if (this.#buffered < lengthPrefixBytes) return lengthPrefixBytes;
    const first = this.#chunks[0];
    if (first === undefined || first.length < lengthPrefixBytes) {
      this.#chunks = [concat(this.#chunks, this.#buffered)];
    }
    const length = readLength(this.#chunks[0] as Uint8Array, 0);
    return this.#allowed(length) ? lengthPrefixBytes + length : 0;
  }

  #consume(bytes: Uint8Array): Uint8Array {
    let offset = 0;
    while (bytes.length - offset >= lengthPrefixBytes) {
      const length = readLength(bytes, offset);
      if (!this.#allowed(length)) return bytes.subarray(0, 0);
      const end = offset + lengthPrefixBytes + length;
      if (end > bytes.length) break;
      this.#onFrame(bytes.subarray(offset + lengthPrefixBytes, end));
      offset = end;
    }
    return bytes.subarray(offset);
  }

  #allowed(length: number): boolean {
    if (length === 0) this.#fault = "bad_frame";
    else if (length > this.maxBytes) this.#fault = "frame_too_large";
    return this.#fault === undefined;
  }
}

function readLength(bytes: Uint8Array, offset: number): number {
  return (
    (((bytes[offset] as number) << 24) |
      ((bytes[offset + 1] as number) << 16) |
      ((bytes[offset + 2] as number) << 8) |
      (bytes[offset + 3] as number)) >>>
    0
  );
}

function concat(chunks: readonly Uint8Array[], total: number): Uint8Array {
  const only = chunks[0];
  if (chunks.length === 1 && only) return only;
  const joined = new Uint8Array(total);
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}
