/**
 * Acknowledges for protocols that cannot: a message counts as received when its bytes were handed to the operating
 * system (P4 for gateways without acknowledgements). Writes complete in the order in which they were made. Hot path.
 */
import type { LogName } from "@parley/protocol";
import type { Entry } from "../engine/entry.ts";

type Reached = Map<LogName, number>;

export class AutoAck {
  readonly #acknowledge: (log: LogName, seq: number) => void;
  /** What is in the outbox, and what is in each write under way. */
  #queued: Reached = new Map();
  readonly #writing: Reached[] = [];

  /** `acknowledge` is called with the furthest seq of each log that has left. */
  constructor(acknowledge: (log: LogName, seq: number) => void) {
    this.#acknowledge = acknowledge;
  }

  /** The entry was put into the outbox. */
  queued({ log, seq }: Entry): void {
    this.#queued.set(log, seq);
  }

  /** The entry is not for this peer: acknowledged as soon as what came before it has left. */
  skipped({ log, seq }: Entry): void {
    // Not before the session has noted it as sent, which it does when `deliver` returns.
    queueMicrotask(() => {
      const ahead = this.#queued.size > 0 ? this.#queued : this.#writing.at(-1);
      if (ahead) ahead.set(log, seq);
      else this.#acknowledge(log, seq);
    });
  }

  /** The outbox writes all that it holds. */
  writing(): void {
    this.#writing.push(this.#queued);
    this.#queued = new Map();
  }

  /** The oldest write under way has left. */
  written(): void {
    for (const [log, seq] of this.#writing.shift() ?? []) this.#acknowledge(log, seq);
  }
}
