/**
 * Texts as frames, one after the other: what an outbox writes. Small ones go out together, so that there is little to write; a
 * large shared one as it is, not copied. Hot path.
 */
import { Beginnings } from "./beginnings.ts";

/** How a protocol wraps the text of one frame: sizes are known before bytes are written, so all share one buffer. */
export interface Framing {
  /** Bytes before the payload of `length` bytes. */
  headerBytes(length: number): number;
  writeHeader(buffer: Buffer, offset: number, length: number): void;
}

/** Copying costs more than one more part of a write from about here on. */
const largeFrameBytes = 4096;

/** Frames as they go out: small ones together, so that there is little to write; a large shared one as it is, not copied. */
export function encodeFrames(frames: readonly (string | Buffer)[], framing: Framing): Buffer[] {
  const parts: Buffer[] = [];
  let from = 0;
  for (let i = 0; i < frames.length; i++) {
    const frame = frames[i] as string | Buffer;
    if (typeof frame === "string" || (frame.length < largeFrameBytes && frames.length > 1)) continue;
    if (from < i) parts.push(joinFrames(frames, from, i, framing));
    parts.push(frame);
    from = i + 1;
  }
  if (from < frames.length) parts.push(joinFrames(frames, from, frames.length, framing));
  return parts;
}

/** The frames from index `from` to before `to` in one piece of memory. */
function joinFrames(frames: readonly (string | Buffer)[], from: number, to: number, framing: Framing): Buffer {
  let total = 0;
  for (let i = from; i < to; i++) {
    const frame = frames[i] as string | Buffer;
    const length = typeof frame === "string" ? Buffer.byteLength(frame) : frame.length;
    total += typeof frame === "string" ? framing.headerBytes(length) + length : length;
  }
  const buffer = Buffer.allocUnsafe(total);
  writeFrames(buffer, frames, from, to, framing);
  return buffer;
}

/** Writes the frames to the beginning of `bytes`, which has room for them; returns where the last ends. */
function writeFrames(
  bytes: Buffer,
  frames: readonly (string | Buffer)[],
  from: number,
  to: number,
  framing: Framing,
): number {
  let at = 0;
  for (let i = from; i < to; i++) {
    const frame = frames[i] as string | Buffer;
    at = typeof frame === "string" ? writeFrame(bytes, at, frame, framing) : at + frame.copy(bytes, at);
  }
  return at;
}

/** One frame of `text`, to be shared. */
export function encodeOne(text: string, framing: Framing): Buffer {
  return joinFrames([text], 0, 1, framing);
}

const memoryBytes = 16_384;
/** UTF-8 takes at most so many bytes for a UTF-16 unit. */
const bytesPerUnit = 3;

/**
 * Memory in which small writes are put together, used again for the next one: the system has most often taken all of it when
 * the call returns. Saves two passes over each text, and making a buffer.
 */
export class FrameMemory {
  #bytes = Buffer.allocUnsafeSlow(memoryBytes);
  #written = new Beginnings(this.#bytes);

  /** The frames together, until the next call; undefined: they may not fit. `size`: their lengths and headers, at least. */
  encode(frames: readonly (string | Buffer)[], size: number, framing: Framing): Buffer | undefined {
    if (size * bytesPerUnit > memoryBytes) return undefined;
    return this.#written.of(writeFrames(this.#bytes, frames, 0, frames.length, framing));
  }

  /** The system has not taken all of what was encoded last: that is left as it is. */
  leave(): void {
    this.#bytes = Buffer.allocUnsafeSlow(memoryBytes);
    this.#written = new Beginnings(this.#bytes);
  }
}

/** Writes one frame; returns where it ends. The header's size depends on that of the text, which is most often its length. */
function writeFrame(bytes: Buffer, at: number, text: string, framing: Framing): number {
  const expected = framing.headerBytes(text.length);
  const length = bytes.write(text, at + expected);
  const head = framing.headerBytes(length);
  if (head !== expected) bytes.copyWithin(at + head, at + expected, at + expected + length);
  framing.writeHeader(bytes, at, length);
  return at + head + length;
}
