/**
 * Length-prefixed framing (PROTOCOL.md, "TCP"): a 4-byte unsigned big-endian length, then that many payload bytes.
 * The decoder takes bytes as they come, split or merged anywhere, and holds memory in proportion to the bytes that
 * arrived, never to the length that was announced. Hot path; no I/O, so server, client and tests share it.
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

const nothing = new Uint8Array(0);
const firstCapacityBytes = 64;

/**
 * Cuts a byte stream into payloads. `push` hands every complete payload to `onFrame` before it returns; a payload
 * is a view that is valid only during the call, and `chunk` may be used again after `push`. After a fault (length 0
 * or above `maxBytes`) the stream has no frame boundary any more: the fault is returned, and every later `push`
 * returns it again. `maxBytes` may be changed at any time, from `onFrame` too; it counts for the next prefix read.
 */
export class FrameDecoder {
  maxBytes: number;
  #onFrame: (payload: Uint8Array) => void;
  /** The incomplete frame: its first `#buffered` bytes, prefix included. */
  #partial = nothing;
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

  /** Takes the next bytes of the stream. Returns the fault that ended it, if one did. */
  push(chunk: Uint8Array): FrameFault | undefined {
    let offset = this.#buffered > 0 ? this.#complete(chunk) : 0;
    while (this.#fault === undefined && chunk.length - offset >= lengthPrefixBytes) {
      const length = readLength(chunk, offset);
      if (!this.#allows(length)) break;
      const start = offset + lengthPrefixBytes;
      if (chunk.length - start < length) break;
      offset = start + length;
      this.#onFrame(chunk.subarray(start, offset));
    }
    if (this.#fault === undefined && offset < chunk.length) this.#keep(chunk, offset, chunk.length);
    return this.#fault;
  }

  /** Fills the incomplete frame from `chunk`, hands it over if that completes it; returns how much of `chunk` it took. */
  #complete(chunk: Uint8Array): number {
    let offset = 0;
    if (this.#buffered < lengthPrefixBytes) {
      offset = this.#take(chunk, offset, lengthPrefixBytes);
      if (this.#buffered < lengthPrefixBytes || !this.#allows(readLength(this.#partial, 0))) return offset;
    }
    const end = lengthPrefixBytes + readLength(this.#partial, 0);
    offset = this.#take(chunk, offset, end);
    if (this.#buffered < end) return offset;
    const frame = this.#partial;
    this.#partial = nothing;
    this.#buffered = 0;
    this.#onFrame(frame.subarray(lengthPrefixBytes, end));
    return offset;
  }

  /** Moves bytes from `chunk` at `offset` until `wanted` are buffered or it ends; returns the offset after them. */
  #take(chunk: Uint8Array, offset: number, wanted: number): number {
    const end = Math.min(chunk.length, offset + wanted - this.#buffered);
    this.#keep(chunk, offset, end);
    return end;
  }

  /**
   * Appends to the incomplete frame; its memory doubles, so that one byte at a time costs linear time and a length that is
   * only announced costs nothing, up to that length.
   */
  #keep(chunk: Uint8Array, from: number, to: number): void {
    const needed = this.#buffered + to - from;
    if (needed > this.#partial.length) {
      const doubled = Math.max(needed * 2, firstCapacityBytes);
      const larger = new Uint8Array(Math.max(needed, Math.min(doubled, this.#announced(chunk, from, to))));
      larger.set(this.#partial.subarray(0, this.#buffered));
      this.#partial = larger;
    }
    this.#partial.set(chunk.subarray(from, to), this.#buffered);
    this.#buffered = needed;
  }

  /** The size of the incomplete frame, prefix included, where that is known: of what is buffered, or begins in `chunk`. */
  #announced(chunk: Uint8Array, from: number, to: number): number {
    if (this.#buffered >= lengthPrefixBytes) return lengthPrefixBytes + readLength(this.#partial, 0);
    if (this.#buffered === 0 && to - from >= lengthPrefixBytes) return lengthPrefixBytes + readLength(chunk, from);
    return Number.POSITIVE_INFINITY;
  }

  #allows(length: number): boolean {
    if (length === 0) this.#fault = "bad_frame";
    else if (length > this.maxBytes) this.#fault = "frame_too_large";
    if (this.#fault === undefined) return true;
    this.#partial = nothing;
    this.#buffered = 0;
    return false;
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
