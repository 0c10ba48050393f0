/**
 * What goes out on one connection: frames queue during a turn of the event loop and leave in one write. Memory is
 * bounded: above `maxBytes` it is `full`, until the socket has taken what was written. Used by every gateway on a
 * stream. Hot path.
 */
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import { TLSSocket } from "node:tls";

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

/** Copying costs more than one more part of a write from about here on. */
const largeFrameBytes = 4096;

const nothing = Buffer.alloc(0);

/** Outboxes that hold something: all are written in one go when the turn's callbacks have run. */
class TurnEnd {
  #outboxes: Outbox[] = [];
  readonly #flushAll = () => {
    const outboxes = this.#outboxes;
    this.#outboxes = [];
    for (const outbox of outboxes) outbox.flush();
  };

  add(outbox: Outbox): void {
    if (this.#outboxes.push(outbox) === 1) queueMicrotask(this.#flushAll);
  }
}

/** One for the process, as its event loop is one. */
const turnEnd = new TurnEnd();

/** Frames that are on their way out together; they are written when the turn's callbacks have run. */
export class Outbox {
  readonly #stream: Writable;
  readonly #framing: Framing;
  readonly #maxBytes: number;
  readonly #onDrained: () => void;
  #observer: WriteObserver | undefined;
  #onWritten: ((error?: Error | null) => void) | undefined;
  /** Whether a write without a callback can be told to be over by what the stream still holds. */
  readonly #tells: boolean;
  /** Text still to be encoded, or frames that are shared with other connections. */
  #frames: (string | Buffer)[] = [];
  /** An estimate for the turn: UTF-16 units of texts (up to 3 bytes each), bytes of shared frames, and their headers. */
  #queuedBytes = 0;
  #scheduled = false;
  #full = false;
  #closed = false;

  constructor(stream: Writable, framing: Framing, maxBytes: number, onDrained: () => void) {
    this.#stream = stream;
    this.#tells = stream instanceof Socket && !(stream instanceof TLSSocket);
    this.#framing = framing;
    this.#maxBytes = maxBytes;
    this.#onDrained = onDrained;
    stream.on("drain", () => this.#drained());
  }

  /** Sets who is told of writes. */
  observe(observer: WriteObserver): void {
    this.#observer = observer;
    this.#onWritten = (error) => error || observer.written();
  }

  /** Whether what is waiting to be taken by the peer has reached the limit. */
  get full(): boolean {
    if (!this.#full) this.#full = this.waitingBytes > this.#maxBytes;
    return this.#full;
  }

  /** Bytes that wait to be taken by the peer, about. */
  get waitingBytes(): number {
    return this.#queuedBytes + this.#stream.writableLength;
  }

  /** Queues a payload, as text, or a whole frame, as bytes that others share. */
  push(frame: string | Buffer): void {
    if (this.#closed) return;
    this.#frames.push(frame);
    this.#queuedBytes += frame.length + 16;
    if (this.#scheduled) return;
    this.#scheduled = true;
    turnEnd.add(this);
  }

  /** Writes what is queued. Called by itself at the end of the turn. */
  flush(): void {
    this.#scheduled = false;
    const frames = this.#frames;
    if (frames.length === 0 || this.#closed) return;
    this.#frames = [];
    this.#queuedBytes = 0;
    this.#observer?.writing();
    const [only] = frames;
    if (frames.length === 1 && typeof only === "object") this.#writeOne(only);
    else this.#writeAll(encodeFrames(frames, this.#framing));
    // A stream that took everything at once emits no `drain`.
    if (this.#full && !this.#stream.writableNeedDrain) queueMicrotask(() => this.#drained());
  }

  /**
   * Most often the system takes all at once. Then the observer is told here and now: a callback would cost a turn of the
   * queue of ticks for each write.
   */
  #writeOne(bytes: Buffer): void {
    const stream = this.#stream;
    const onWritten = this.#onWritten;
    if (!onWritten) stream.write(bytes);
    else if (!this.#tells) stream.write(bytes, onWritten);
    else {
      stream.write(bytes);
      if (stream.writableLength === 0 && stream.errored === null) this.#observer?.written();
      else stream.write(nothing, onWritten);
    }
  }

  /** Hands all parts to the system at once; the observer is told of the last. */
  #writeAll(parts: readonly Buffer[]): void {
    const stream = this.#stream;
    if (parts.length > 1) stream.cork();
    for (let i = 0; i < parts.length - 1; i++) stream.write(parts[i] as Buffer);
    this.#writeOne(parts.at(-1) as Buffer);
    if (parts.length > 1) stream.uncork();
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

/** Frames as they go out: small ones together, so that there is little to write; a large shared one as it is, not copied. */
function encodeFrames(frames: readonly (string | Buffer)[], framing: Framing): Buffer[] {
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
  const lengths: number[] = [];
  for (let i = from; i < to; i++) {
    const frame = frames[i] as string | Buffer;
    const length = typeof frame === "string" ? Buffer.byteLength(frame) : frame.length;
    lengths.push(length);
    total += typeof frame === "string" ? framing.headerBytes(length) + length : length;
  }
  const buffer = Buffer.allocUnsafe(total);
  let offset = 0;
  for (let i = from; i < to; i++) {
    const frame = frames[i] as string | Buffer;
    const length = lengths[i - from] as number;
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
  return joinFrames([text], 0, 1, framing);
}
