/**
 * The requests of one session that were taken and not answered yet: bounded, because above a limit the peer is not read
 * from. Those that use the store run one after the other, and not while the peer does not read its answers.
 */
import type { Connection } from "./connection.ts";

/** Above it the connection is not read from; below half of it, again. */
export const maxPendingRequests = 1024;

/** Whose requests they are. */
export interface Requester {
  readonly connection: Pick<Connection, "pause" | "resume">;
  /** Whether the peer leaves its answers unread; `drained` has to be called when that ends. */
  readonly isFull: boolean;
  /** A request threw or rejected. */
  failed(error: unknown): void;
}

export class RequestQueue {
  readonly #requester: Requester;
  #pending = 0;
  #paused = false;
  /** The last of those that use the store; none: there was none yet. */
  #last: Promise<void> | undefined;
  /** Goes on with what waits for the peer to read. */
  #whenDrained: (() => void) | undefined;
  #ended = false;
  /** Who waits for all to be answered. */
  #whenIdle: (() => void) | undefined;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** A request was taken whose answer comes later. */
  taken(): void {
    this.#pending += 1;
    // Frames that were read before the pause still come: the count may reach the limit again before it is over.
    if (this.#pending < maxPendingRequests || this.#paused) return;
    this.#paused = true;
    this.#requester.connection.pause();
  }

  answered(): void {
    this.#pending -= 1;
    if (this.#whenIdle && this.#pending === 0) this.#whenIdle();
    if (this.#pending > maxPendingRequests / 2 || !this.#paused) return;
    this.#paused = false;
    this.#requester.connection.resume();
  }

  /** Resolves when every request that was taken has been answered. */
  async idle(): Promise<void> {
    if (this.#pending > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
  }

  /** Runs a request that uses the store after those before it. */
  enqueue(request: () => Promise<void>): void {
    this.taken();
    this.#last = (this.#last ?? Promise.resolve())
      .then(() => this.#run(request))
      .catch((error) => this.#requester.failed(error));
  }

  async #run(request: () => Promise<void>): Promise<void> {
    try {
      if (this.#requester.isFull && !this.#ended) await new Promise<void>((resolve) => (this.#whenDrained = resolve));
      if (!this.#ended) await request();
    } finally {
      this.answered();
    }
  }

  /** The peer reads its answers again. */
  drained(): void {
    this.#whenDrained?.();
  }

  /** The session has ended: what was not begun is dropped. */
  end(): void {
    this.#ended = true;
    this.#whenDrained?.();
  }
}
