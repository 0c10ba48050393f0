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
  /** As `performance.now()` counts; 0: it is not slowed down. */
  #slowedUntil = 0;

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
    const until = performance.now() + ms;
    if (until <= this.#slowedUntil) return;
    if (this.#slowedUntil === 0) {
      this.pause();
      this.#resumeAfter(ms);
    }
    this.#slowedUntil = until;
  }

  #resumeAfter(ms: number): void {
    const timer = setTimeout(() => {
      const left = this.#slowedUntil - performance.now();
      if (left > 0) return this.#resumeAfter(left);
      this.#slowedUntil = 0;
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
