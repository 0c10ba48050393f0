/**
 * Moves cursors and tells the server, coalesced: however many messages an application handles in one turn of the event
 * loop, each log gets one `ack`. Order of things, on which exactly-once rests: handled → saved → acknowledged.
 */
import type { Cursor, CursorTable } from "./cursors.ts";
import type { Environment } from "./environment.ts";
import type { Ledger } from "./ledger.ts";
import type { AckOptions } from "./message.ts";

/** Acks leave at the latest after this many handled messages, even within one turn. */
const flushAfter = 256;

export interface AcksOptions {
  readonly cursors: CursorTable;
  readonly ledger: Ledger;
  readonly environment: Environment;
  /** Sends a frame if connected, and says whether it did. */
  readonly send: (text: string) => boolean;
}

export class Acks {
  readonly #options: AcksOptions;
  readonly #moved = new Set<Cursor>();
  #count = 0;
  #scheduled = false;

  constructor(options: AcksOptions) {
    this.#options = options;
  }

  /** The application is done with everything up to `seq` of the cursor's log. */
  handled(cursor: Cursor, seq: number): void {
    if (seq > cursor.handled) cursor.handled = Math.min(seq, cursor.received);
    this.mark(cursor);
  }

  /** The application acknowledges by itself. */
  acknowledge(cursor: Cursor, seq: number, options: AckOptions): void {
    if (options.read) cursor.read = Math.max(cursor.read, seq);
    this.handled(cursor, seq);
  }

  /** The server should be told again where this cursor stands. */
  mark(cursor: Cursor): void {
    this.#moved.add(cursor);
    this.#count += 1;
    if (this.#count >= flushAfter) this.flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      this.#options.environment.soon(() => {
        this.#scheduled = false;
        this.flush();
      });
    }
  }

  /** Saves what moved, then acknowledges it. */
  flush(): void {
    this.#count = 0;
    if (this.#moved.size === 0) return;
    const { cursors, ledger } = this.#options;
    const moved: { cursor: Cursor; seq: number }[] = [];
    for (const cursor of this.#moved) {
      if (!cursors.isCurrent(cursor)) continue;
      const seq = cursor.handled;
      moved.push({ cursor, seq });
      if (!ledger.immediate && cursor.epoch !== "" && seq > cursor.saved)
        ledger.write({ type: "position", position: { log: cursor.log, epoch: cursor.epoch, seq } });
    }
    this.#moved.clear();
    if (moved.length === 0) return;
    ledger.afterSave(() => {
      for (const { cursor, seq } of moved) this.#tell(cursor, seq);
    });
  }

  #tell(cursor: Cursor, seq: number): void {
    if (!this.#options.cursors.isCurrent(cursor)) return;
    if (seq > cursor.saved) cursor.saved = seq;
    const { log, read } = cursor;
    if (read > 0 && this.#options.send(JSON.stringify({ op: "ack", log, seq: read, read: true }))) cursor.read = 0;
    if (read < seq) this.#options.send(JSON.stringify({ op: "ack", log, seq }));
  }
}
