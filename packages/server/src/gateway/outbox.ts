/**
 * What goes out on one connection: frames queue during a turn of the event loop and leave in one write. Memory is
 * bounded: above `maxBytes` it is `full`, until the socket has taken what was written. Used by every gateway on a
 * stream. Hot path.
 */
import type { Writable } from "node:stream";

/** How a protocol wraps the text of one frame: sizes are known before bytes are written, so all share one buffer. */
export interface Framing {
  /** Bytes before the payload of `length` bytes. */
  headerBytes(length: number): number;
  writeHeader(buffer: Buffer, offset: number, length: number): void;
}

/** Is told when what an outbox holds is written, and when that write has been handed to the operating system. */
export interface WriteObserver {
  writing(): void;
  written(): void;
}

/** Frames that are on their way out together; they are written when the turn's callbacks have run. */
export class Outbox {
  readonly #stream: Writable;
  readonly #framing: Framing;
  readonly #maxBytes: number;
  readonly #onDrained: () => void;
  #observer: WriteObserver | undefined;
  /** Text still to be encoded, or frames that are shared with other connections. */
  #frames: (string | Buffer)[] = [];
  /** An estimate for the turn: UTF-16 units of texts (up to 3 bytes each), bytes of shared frames, and their headers. */
  #queuedBytes = 0;
  #scheduled = false;
  #full = false;
  #closed = false;

  constructor(stream: Writable, framing: Framing, maxBytes: number, onDrained: () => void) {
    this.#stream = stream;
    this.#framing = framing;
    this.#maxBytes = maxBytes;
    this.#onDrained = onDrained;
    stream.on("drain", () => this.#drained());
  }

  /** Sets who is told of writes. */
  observe(observer: WriteObserver): void {
    this.#observer = observer;
  }

  /** Whether what is waiting to be taken by the peer has reached the limit. */
  get full(): boolean {
    if (!this.#full) this.#full = this.#queuedBytes + this.#stream.writableLength > this.#maxBytes;
    return this.#full;
  }

  /** Queues a payload, as text, or a whole frame, as bytes that others share. */
  push(frame: string | Buffer): void {
    if (this.#closed) return;
    this.#frames.push(frame);
    this.#queuedBytes += frame.length + 16;
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => this.flush());
  }

  /** Writes what is queued. Called by itself at the end of the turn. */
  flush(): void {
    this.#scheduled = false;
    const frames = this.#frames;
    if (frames.length === 0 || this.#closed) return;
    this.#frames = [];
    this.#queuedBytes = 0;
    const bytes = encodeFrames(frames, this.#framing);
    const observer = this.#observer;
    observer?.writing();
    if (observer) this.#stream.write(bytes, (error) => error || observer.written());
    else this.#stream.write(bytes);
    // A stream that took everything at once emits no `drain`.
    if (this.#full && !this.#stream.writableNeedDrain) queueMicrotask(() => this.#drained());
  }

  #drained(): void {
    if (!this.#full || this.#closed) return;
    this.#full = false;
    this.#onDrained();
  }

  /** Writes what is queued and takes nothing more. */
  close(): void {
    this.flush();
    this.#closed = true;
  }
}

function encodeFrames(frames: readonly (string | Buffer)[], framing: Framing): Buffer {
  const [only] = frames;
  if (frames.length === 1 && typeof only === "object") return only;
  let total = 0;
  const lengths: number[] = [];
  for (const frame of frames) {
    const length = typeof frame === "string" ? Buffer.byteLength(frame) : frame.length;
    lengths.push(length);
    total += typeof frame === "string" ? framing.headerBytes(length) + length : length;
  }
  const buffer = Buffer.allocUnsafe(total);
  let offset = 0;
  for (let i = 0; i < frames.length; i++) {
    const frame = frames[i] as string | Buffer;
    const length = lengths[i] as number;
    if (typeof frame === "string") {
      framing.writeHeader(buffer, offset, length);
      offset += framing.headerBytes(length);
      buffer.write(frame, offset);
    } else frame.copy(buffer, offset);
    offset += length;
  }
  return buffer;
}

/** One frame of `text`, to be shared. */
export function encodeOne(text: string, framing: Framing): Buffer {
  return encodeFrames([text], framing);
}
