/**
 * Datagrams on their way to one agent: bounded, in order, and paced, because what overflows the receiver's socket
 * buffer is lost and nobody is told. A datagram alone leaves at once.
 */

/** Hands a datagram to the operating system and says later whether that worked. */
export type Send = (datagram: Buffer, done: (sent: boolean) => void) => void;

interface Waiting {
  readonly datagram: Buffer;
  readonly done: (sent: boolean) => void;
}

/** At most this many in each pause: 8,000 a second, and a few bursts fit into the buffer a socket has by default. */
const burst = 32;
const pauseMs = 4;
/** What a datagram costs beside its bytes. */
const overheadBytes = 64;

export class DatagramQueue {
  readonly #send: Send;
  readonly #maxBytes: number;
  readonly #onDrained: () => void;
  #waiting: Waiting[] = [];
  /** Of what waits and what is being sent. */
  #bytes = 0;
  #left = burst;
  #timer: NodeJS.Timeout | undefined;
  #wasFull = false;
  #closed = false;

  constructor(send: Send, maxBytes: number, onDrained: () => void) {
    this.#send = send;
    this.#maxBytes = maxBytes;
    this.#onDrained = onDrained;
  }

  /** Whether nothing more should be pushed until `onDrained`. */
  get full(): boolean {
    if (this.#bytes >= this.#maxBytes) this.#wasFull = true;
    return this.#wasFull;
  }

  /** Bytes that wait or are being sent. */
  get bytes(): number {
    return this.#bytes;
  }

  /** `done` is told, never within this call, whether the operating system took it; not at all after `close`. */
  push(datagram: Buffer, done: (sent: boolean) => void = () => {}): void {
    if (this.#closed) return;
    this.#bytes += datagram.length + overheadBytes;
    this.#waiting.push({ datagram, done });
    this.#flush();
  }

  #flush(): void {
    const leaving = this.#waiting.splice(0, this.#left);
    this.#left -= leaving.length;
    for (const { datagram, done } of leaving) {
      this.#send(datagram, (sent) => {
        if (this.#closed) return;
        this.#bytes -= datagram.length + overheadBytes;
        done(sent);
        this.#drain();
      });
    }
    if (leaving.length > 0)
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#left = burst;
        this.#flush();
      }, pauseMs);
  }

  #drain(): void {
    if (!this.#wasFull || this.#closed || this.#bytes > this.#maxBytes / 2) return;
    this.#wasFull = false;
    this.#onDrained();
  }

  /** What has not left is dropped. */
  close(): void {
    this.#closed = true;
    this.#waiting = [];
    clearTimeout(this.#timer);
  }
}
