/**
 * Moves cursors and tells the server, coalesced: however many messages an application handles in one turn of the event
 * loop, each log gets one `ack`. Order of things, on which exactly-once rests: handled → saved → acknowledged. With a
 * persistence it also bounds how much is handled and not saved, because that much a crash of the process repeats.
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
  /** Most handled messages that are not saved. */
  readonly maxUnsaved: number;
  /** `hasRoom` holds again. */
  readonly roomAgain: () => void;
}

export class Acks {
  readonly #options: AcksOptions;
  readonly #moved = new Set<Cursor>();
  /** Marks since the last flush. */
  #count = 0;
  /** Handled messages that no save was asked for yet, and those that are not saved (the former among them). */
  #unflushed = 0;
  #unsaved = 0;
  #scheduled = false;

  constructor(options: AcksOptions) {
    this.#options = options;
  }

  /** Whether another message may be handed out. */
  get hasRoom(): boolean {
    return this.#unsaved < this.#options.maxUnsaved;
  }

  /** The application is done with everything up to `seq` of the cursor's log. */
  handled(cursor: Cursor, seq: number): void {
    if (seq > cursor.handled) {
      cursor.handled = Math.min(seq, cursor.received);
      if (!this.#options.ledger.immediate) {
        this.#unflushed += 1;
        this.#unsaved += 1;
      }
    }
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
    if (this.#count >= flushAfter || !this.hasRoom) this.flush();
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
    const handled = this.#unflushed;
    this.#unflushed = 0;
    ledger.afterSave(() => {
      for (const { cursor, seq } of moved) this.#tell(cursor, seq);
      this.#saved(handled);
    });
  }

  #saved(count: number): void {
    const hadRoom = this.hasRoom;
    this.#unsaved -= count;
    if (!hadRoom && this.hasRoom) this.#options.roomAgain();
  }

  #tell(cursor: Cursor, seq: number): void {
    if (!this.#options.cursors.isCurrent(cursor)) return;
    if (seq > cursor.saved) cursor.saved = seq;
    if (cursor.leaving) return;
    const { log, read } = cursor;
    if (read > 0 && this.#options.send(JSON.stringify({ op: "ack", log, seq: read, read: true }))) cursor.read = 0;
    if (read < seq) this.#options.send(JSON.stringify({ op: "ack", log, seq }));
  }
}
