/**
 * What a connection has been given of each log, under whatever names it had: who renames is not told again what was said
 * since. Of a log it is one stretch, because a session begins within what the one before it was given, or at its end.
 */
import type { LogName } from "@parley/protocol";
import type { Entry } from "../../engine/entry.ts";

/** Seqs above `after`, up to `upTo`. */
interface Stretch {
  readonly epoch: string;
  readonly after: number;
  readonly upTo: number;
}

/** What is asked of the subscriptions of a session. */
interface Reading {
  readonly topic: { readonly log: LogName; readonly epoch: string };
  readonly start: number;
  readonly sent: number;
}

export class Seen {
  readonly #stretches = new Map<LogName, Stretch>();

  /** Adds what a session has read. */
  add(readings: Iterable<Reading>): void {
    for (const { topic, start, sent } of readings) {
      const { log, epoch } = topic;
      const known = this.#stretches.get(log);
      // Where the two do not touch, the later counts: better something twice than never.
      const touches = known?.epoch === epoch && start <= known.upTo && known.after <= sent;
      const after = touches ? Math.min(known.after, start) : start;
      const upTo = touches ? Math.max(known.upTo, sent) : sent;
      this.#stretches.set(log, { epoch, after, upTo });
    }
  }

  has({ log, epoch, seq }: Entry): boolean {
    const stretch = this.#stretches.get(log);
    return stretch !== undefined && stretch.epoch === epoch && seq > stretch.after && seq <= stretch.upTo;
  }
}
