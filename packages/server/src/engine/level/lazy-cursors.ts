/**
 * Cursors on their way to the disk: they wait for a commit to go with, so that acknowledgements cost no write each. Losing
 * them costs a redelivery. A cursor is seen by reads from the moment it is told.
 */
import type { CursorWrite } from "../engine.ts";

export class LazyCursors {
  readonly #delayMs: number;
  readonly #onDue: () => void;
  #waiting = new Map<string, CursorWrite>();
  /** Those of the commit under way. */
  #written: ReadonlyMap<string, CursorWrite> = new Map();
  #timer: NodeJS.Timeout | undefined;
  /** Whether the next commit takes them. */
  due = false;

  /** `onDue` is called when some have waited for `delayMs`. */
  constructor(delayMs: number, onDue: () => void) {
    this.#delayMs = delayMs;
    this.#onDue = onDue;
  }

  add(cursor: CursorWrite): void {
    if (cursor.waiting) return;
    cursor.waiting = true;
    const before = this.#waiting.get(cursor.key);
    if (before) before.waiting = false;
    this.#waiting.set(cursor.key, cursor);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.due = true;
      this.#onDue();
    }, this.#delayMs);
  }

  /** A record of that key is written at once: what waits is out of date. */
  overtaken(key: string): void {
    const cursor = this.#waiting.get(key);
    if (!cursor) return;
    cursor.waiting = false;
    this.#waiting.delete(key);
  }

  /** All that wait, if they are due or `now`: they go with this commit. */
  take(now: boolean): Iterable<CursorWrite> {
    if (!this.due && !now) return none;
    this.due = false;
    this.#written = this.#waiting;
    this.#waiting = new Map();
    for (const cursor of this.#written.values()) cursor.waiting = false;
    return this.#written.values();
  }

  /** The commit is on disk. */
  written(): void {
    this.#written = new Map();
  }

  /** The commit failed: they wait again, but for those that have moved since. */
  notWritten(): void {
    for (const [key, cursor] of this.#written) if (!this.#waiting.has(key)) this.add(cursor);
    this.#written = new Map();
  }

  /** Those that begin with `prefix` and are not on disk, in the order of their changes. */
  *pending(prefix: string): Generator<CursorWrite> {
    for (const cursors of [this.#written, this.#waiting])
      for (const [key, cursor] of cursors) if (key.startsWith(prefix)) yield cursor;
  }

  /** No timer any more; what waits is for the last commit. */
  stop(): void {
    clearTimeout(this.#timer);
    this.due = this.#waiting.size > 0;
  }
}

const none: readonly CursorWrite[] = [];
