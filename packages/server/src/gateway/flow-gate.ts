/**
 * Whether a connection is read from: several may have reasons not to, and all have to be gone. Also keeps a peer that
 * asks and does not read its answers from asking more. Used by every gateway on a stream.
 */
import type { Outbox } from "./outbox.ts";

/** What can be read from. */
export interface Pausable {
  pause(): void;
  resume(): void;
}

export class FlowGate {
  readonly #source: Pausable;
  readonly #outbox: Outbox;
  #pauses = 0;
  #answersWait = false;
  #slowed = false;

  constructor(source: Pausable, outbox: Outbox) {
    this.#source = source;
    this.#outbox = outbox;
  }

  pause(): void {
    this.#pauses += 1;
    this.#source.pause();
  }

  resume(): void {
    this.#pauses -= 1;
    if (this.#pauses === 0) this.#source.resume();
  }

  /** The peer sends faster than it may: it is not read from for `ms`. */
  pauseFor(ms: number): void {
    if (this.#slowed) return;
    this.#slowed = true;
    this.pause();
    const timer = setTimeout(() => {
      this.#slowed = false;
      this.resume();
    }, ms);
    timer.unref();
  }

  /** An answer was put into the outbox: a peer that leaves it full is not asked what it wants next. */
  answered(): void {
    if (this.#answersWait || !this.#outbox.full) return;
    this.#answersWait = true;
    this.pause();
  }

  /** The outbox has room again. */
  drained(): void {
    if (!this.#answersWait) return;
    this.#answersWait = false;
    this.resume();
  }
}
