/**
 * When messages were handed to devices and acknowledged: the latest of both, in memory, in a ring of fixed size. For
 * `trace.ts`; gone with the process, while whether something was acknowledged is in the cursors. Hot path: two calls a
 * delivery, no allocation. Times are those at which a turn of the event loop noted the first of its own.
 */
import type { Delivery, LogName, Receiver } from "@parley/protocol";
import type { Clock } from "./clock.ts";

export class DeliveryRecord {
  readonly #clock: Clock;
  readonly #size: number;
  readonly #times: Float64Array;
  /** The first seq that was handed over, 0 for an acknowledgement; the last, or up to where it was acknowledged. */
  readonly #firsts: Float64Array;
  readonly #lasts: Float64Array;
  readonly #logs: LogName[];
  readonly #receivers: Receiver[];
  #next = 0;
  #written = 0;
  /** The time that all notes of this turn have; 0: not looked at yet. */
  #turnTime = 0;
  readonly #onTurn = () => {
    this.#turnTime = 0;
  };
  readonly #begunAt: number;

  /** `size`: how many deliveries and acknowledgements are remembered; 0: none. */
  constructor(clock: Clock, size: number) {
    this.#clock = clock;
    this.#size = size;
    this.#times = new Float64Array(size);
    this.#firsts = new Float64Array(size);
    this.#lasts = new Float64Array(size);
    this.#logs = new Array<LogName>(size);
    this.#receivers = new Array<Receiver>(size);
    this.#begunAt = clock.now();
  }

  /** A session's connection took the messages `first` to `last`. */
  delivered(receiver: Receiver, log: LogName, first: number, last: number): void {
    if (this.#size > 0) this.#note(receiver, log, first, last);
  }

  /** A session acknowledged everything up to `seq`. */
  acknowledged(receiver: Receiver, log: LogName, seq: number): void {
    if (this.#size > 0) this.#note(receiver, log, 0, seq);
  }

  #note(receiver: Receiver, log: LogName, first: number, last: number): void {
    const at = this.#next;
    this.#times[at] = this.#now();
    this.#firsts[at] = first;
    this.#lasts[at] = last;
    this.#logs[at] = log;
    this.#receivers[at] = receiver;
    this.#next = at + 1 === this.#size ? 0 : at + 1;
    this.#written += 1;
  }

  /** Looks at the clock once a turn: that would be half of what a note costs. */
  #now(): number {
    if (this.#turnTime === 0) {
      this.#turnTime = this.#clock.now();
      queueMicrotask(this.#onTurn);
    }
    return this.#turnTime;
  }

  /** Since when the record is complete (ms since the epoch); `Infinity`: it is switched off. */
  get since(): number {
    if (this.#size === 0) return Number.POSITIVE_INFINITY;
    return this.#written < this.#size ? this.#begunAt : (this.#times[this.#next] as number);
  }

  /** What it knows of one entry, in the order of the deliveries: one for each time that a device was given it. */
  of(log: LogName, seq: number): Delivery[] {
    const found: { deliveredAt: number; acknowledgedAt?: number; receiver: Receiver }[] = [];
    const count = Math.min(this.#written, this.#size);
    const oldest = this.#written < this.#size ? 0 : this.#next;
    for (let i = 0; i < count; i++) {
      const at = (oldest + i) % this.#size;
      if (this.#logs[at] !== log) continue;
      const receiver = this.#receivers[at] as Receiver;
      const first = this.#firsts[at] as number;
      const last = this.#lasts[at] as number;
      const time = this.#times[at] as number;
      if (first > 0) {
        if (first <= seq && seq <= last) found.push({ receiver, deliveredAt: time });
        continue;
      }
      if (last < seq) continue;
      for (const delivery of found)
        if (delivery.receiver === receiver && delivery.acknowledgedAt === undefined) delivery.acknowledgedAt = time;
    }
    return found.map(({ receiver, ...times }) => ({ ...receiver, ...times }));
  }
}
