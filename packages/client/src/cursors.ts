/**
 * Where this client stands in each log it reads. Invariant: `saved ≤ handled ≤ received`; a message with
 * `seq ≤ received` of the same epoch is a repeat and goes no further, which is what makes delivery exactly once.
 * A `reset` puts a new cursor in place of the old one, so that what is still under way for the old one cannot move it.
 */
import type { Position } from "@parley/protocol";

export interface Cursor {
  readonly log: string;
  /** Empty while the server has not told it (then the position is neither stored nor resumed from). */
  epoch: string;
  /** Highest seq that was taken in: handled, being handled, or waiting. */
  received: number;
  /** The application is done with everything up to here. */
  handled: number;
  /** Persisted up to here: what a `hello` may claim. */
  saved: number;
  /** Failures of the handler on the message that is next in this log. */
  failures: number;
  /** While true nothing of this log is handed out: its handler failed and the back-off runs. */
  parked: boolean;
  /** A `leave` was asked for: the server may already take an ack for a fault. */
  leaving: boolean;
  /** Seq up to which a person has read, still to be told to the server; 0 when nothing is to be told. */
  read: number;
}

function createCursor(position: Position): Cursor {
  const { log, epoch, seq } = position;
  return { log, epoch, received: seq, handled: seq, saved: seq, failures: 0, parked: false, leaving: false, read: 0 };
}

export class CursorTable {
  readonly #cursors = new Map<string, Cursor>();

  get(log: string): Cursor | undefined {
    return this.#cursors.get(log);
  }

  /** Whether `cursor` still stands for its log (it does not after a reset or a leave). */
  isCurrent(cursor: Cursor): boolean {
    return this.#cursors.get(cursor.log) === cursor;
  }

  /** Puts a new cursor at `position`; returns it. */
  set(position: Position): Cursor {
    const cursor = createCursor(position);
    this.#cursors.set(position.log, cursor);
    return cursor;
  }

  /** The log is not read any more. What waits of it is still handed out, but moves nothing. */
  delete(log: string): void {
    this.#cursors.delete(log);
  }

  get logs(): string[] {
    return [...this.#cursors.keys()];
  }

  /**
   * The server told that delivery starts after `position` (`welcome`, or the `ok` of a join). A log that was not known
   * begins there; a known one keeps its own position, because what lies between may still be on its way. Returns
   * whether this was news.
   */
  begin(position: Position): boolean {
    const cursor = this.#cursors.get(position.log);
    if (!cursor) this.set(position);
    else if (cursor.epoch === "") cursor.epoch = position.epoch;
    else return false;
    return true;
  }

  /** Takes in a message's position: its cursor, or undefined when it is a repeat. */
  admit(log: string, seq: number): Cursor | undefined {
    let cursor = this.#cursors.get(log);
    if (!cursor) cursor = this.set({ log, epoch: "", seq: seq - 1 });
    if (seq <= cursor.received) return undefined;
    cursor.received = seq;
    return cursor;
  }

  /** What to resume from, for `hello`: only what the application is done with and the persistence has. */
  resumePositions(): Position[] {
    const positions: Position[] = [];
    for (const { log, epoch, saved } of this.#cursors.values()) {
      if (epoch !== "") positions.push({ log, epoch, seq: saved });
    }
    return positions;
  }

  /** Cursors with a read mark that the server has not been told. */
  withReadMarks(): Cursor[] {
    return [...this.#cursors.values()].filter((cursor) => cursor.read > 0);
  }

  /** What the application is done with. */
  handledPositions(): Position[] {
    return [...this.#cursors.values()].map(({ log, epoch, handled }) => ({ log, epoch, seq: handled }));
  }
}
