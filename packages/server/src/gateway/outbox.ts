/**
 * What goes out on one connection: frames queue during a turn of the event loop and leave in one write, or two. Memory is
 * bounded: above `maxBytes` it is `full`, until the socket has taken what was written. Used by every gateway on a
 * stream. Hot path.
 */
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import { TLSSocket } from "node:tls";
import { withNext } from "../short-list.ts";
import { type WriteEnd, writeDirectly } from "./direct-writes.ts";
import { encodeFrames, FrameMemory, type Framing } from "./frames.ts";

export interface OutboxOwner {
  /** The outbox was full, and has room again. */
  drained(): void;
}

/** Is told when what an outbox holds is handed to the operating system. */
export interface WriteObserver {
  /** All that it held was, at once, and so was everything before. */
  left(): void;
  /** All that it held is on its way. */
  writing(): void;
  /** What went longest on its way has arrived there. */
  written(): void;
}

const nothing = Buffer.alloc(0);

/** So many outboxes are written together, while what they are about is still in the processor's caches. */
const together = 32;
/** Turns until that is tried again, after it cut in two what could have left at once. */
const cautiousTurns = 1000;

/**
 * Outboxes that hold something: they are written when the turn's callbacks have run, or before, when they are many. Where one
 * gets more in the same turn then, it is written twice: so where that happens, all wait for the end for some time.
 */
class TurnEnd {
  #outboxes: Outbox[] = [];
  #cautiousUntil = 0;
  #scheduled = false;
  /** Counts turns in which something was written. */
  turn = 1;
  readonly #end = () => {
    // What is acknowledged by these writes may bring more.
    this.#scheduled = false;
    this.#flush();
    this.turn += 1;
  };

  /** `writtenIn`: the turn in which it was last written; 0: none. */
  add(outbox: Outbox, writtenIn: number): void {
    if (writtenIn === this.turn) this.#cautiousUntil = this.turn + cautiousTurns;
    if (this.#outboxes.length >= together && this.turn >= this.#cautiousUntil) this.#flush();
    this.#outboxes.push(outbox);
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(this.#end);
  }

  #flush(): void {
    const outboxes = this.#outboxes;
    this.#outboxes = [];
    // One right after the other: a peer that finds the next frames before it goes to sleep need not be woken for them.
    for (const outbox of outboxes) outbox.write();
    for (const outbox of outboxes) outbox.tell();
  }
}

/** One of each for the process, as its event loop is one. */
const turnEnd = new TurnEnd();
const memory = new FrameMemory();

/** Frames that are on their way out together; they are written when the turn's callbacks have run. */
export class Outbox implements WriteEnd {
  readonly #stream: Writable;
  /** The stream, where it is one whose writes are known to be over when they are: no callback tells that later. */
  readonly #socket: Socket | undefined;
  readonly #framing: Framing;
  readonly #maxBytes: number;
  readonly #owner: OutboxOwner;
  #observer: WriteObserver | undefined;
  /** Writes that the observer was told of, and which are not over. */
  #underWay = 0;
  /** Bytes of a write past the stream that the system has not taken all of. */
  #directBytes = 0;
  /** To be called when that write is over. */
  #directEnd: ((error?: Error | null) => void) | undefined;
  /** Text still to be encoded, or frames that are shared with other connections. */
  #frames: (string | Buffer)[] | undefined;
  /** An estimate for the turn: UTF-16 units of texts (up to 3 bytes each), bytes of shared frames, and their headers. */
  #queuedBytes = 0;
  #scheduled = false;
  /** The turn in which it was last written; 0: none. */
  #writtenIn = 0;
  /** Whether all that it held was taken at once, and the observer is not told yet. */
  #hasLeft = false;
  #full = false;
  /** Whether the stream tells when it has room again: most are never full. */
  #listens = false;
  #closed = false;

  constructor(stream: Writable, framing: Framing, maxBytes: number, owner: OutboxOwner) {
    this.#stream = stream;
    this.#socket = stream instanceof Socket && !(stream instanceof TLSSocket) ? stream : undefined;
    this.#framing = framing;
    this.#maxBytes = maxBytes;
    this.#owner = owner;
  }

  /** Sets who is told of writes. */
  observe(observer: WriteObserver): void {
    this.#observer = observer;
    this.#underWay = 0;
    this.#hasLeft = false;
  }

  /** Whether what is waiting to be taken by the peer has reached the limit. */
  get full(): boolean {
    if (!this.#full && this.waitingBytes > this.#maxBytes) this.#fill();
    return this.#full;
  }

  #fill(): void {
    this.#full = true;
    if (this.#listens) return;
    this.#listens = true;
    this.#stream.on("drain", () => this.#drained());
  }

  /** Bytes that wait to be taken by the peer, about. */
  get waitingBytes(): number {
    return this.#queuedBytes + this.#directBytes + this.#stream.writableLength;
  }

  /** Queues a payload, as text, or a whole frame, as bytes that others share. */
  push(frame: string | Buffer): void {
    if (this.#closed) return;
    this.#frames = this.#frames ? withNext(this.#frames, frame) : [frame];
    this.#queuedBytes += frame.length + 16;
    if (this.#scheduled) return;
    this.#scheduled = true;
    turnEnd.add(this, this.#writtenIn);
  }

  /** Writes what is queued, by itself at the end of the turn. Then `tell` is to be called. */
  write(): void {
    this.#scheduled = false;
    const frames = this.#frames;
    if (!frames || this.#closed) return;
    const size = this.#queuedBytes;
    this.#frames = undefined;
    this.#queuedBytes = 0;
    this.#writtenIn = turnEnd.turn;
    const [only] = frames;
    if (frames.length === 1 && typeof only === "object") this.#writeOne(only);
    else {
      const small = this.#socket ? memory.encode(frames, size, this.#framing) : undefined;
      if (!small) this.#writeAll(encodeFrames(frames, this.#framing));
      else if (!this.#writeOne(small)) memory.leave();
    }
    // A stream that took everything at once emits no `drain`.
    if (this.#full && this.#hasTaken) queueMicrotask(() => this.#drained());
  }

  /** Whether nobody will tell that there is room again: there is. */
  get #hasTaken(): boolean {
    return this.#directBytes === 0 && !this.#stream.writableNeedDrain;
  }

  /** Tells the observer what was taken at once. If more was queued since, that write tells of both. */
  tell(): void {
    if (!this.#hasLeft) return;
    this.#hasLeft = false;
    if (!this.#frames) this.#observer?.left();
  }

  /**
   * Most often the system takes all at once, which is returned. Then the observer is told without a callback, which would cost
   * a turn of the queue of ticks for each write.
   */
  #writeOne(bytes: Buffer): boolean {
    const socket = this.#socket;
    const observer = this.#observer;
    if (!socket) {
      if (observer) this.#stream.write(bytes, this.#written(observer));
      else this.#stream.write(bytes);
      return false;
    }
    const direct = writeDirectly(socket, bytes, this);
    if (direct === "under way") {
      this.#directBytes = bytes.length;
      if (observer) this.#directEnd = this.#written(observer);
      return false;
    }
    if (direct === "not") socket.write(bytes);
    const taken = direct === "taken" || (socket.writableLength === 0 && this.#directBytes === 0);
    if (!observer) return taken;
    if (taken && this.#underWay === 0 && socket.errored === null) this.#hasLeft = true;
    else socket.write(nothing, this.#written(observer));
    return taken;
  }

  /** A write past the stream is over. */
  ended(ok: boolean): void {
    const end = this.#directEnd;
    this.#directBytes = 0;
    this.#directEnd = undefined;
    const failure = ok ? undefined : new Error("the connection was lost during a write");
    if (failure) this.#stream.destroy(failure);
    end?.(failure);
    if (this.#full && this.#hasTaken) this.#drained();
  }

  /** The observer is told that a write is under way; what is returned is to be called when it is over. */
  #written(observer: WriteObserver): (error?: Error | null) => void {
    observer.writing();
    this.#underWay += 1;
    return (error) => {
      if (observer === this.#observer) this.#underWay -= 1;
      if (!error) observer.written();
    };
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
    this.#owner.drained();
  }

  /** Writes what is queued and takes nothing more. */
  close(): void {
    this.write();
    this.tell();
    this.#closed = true;
  }
}
