/**
 * Acknowledges for protocols that cannot: a message counts as received when its bytes were handed to the operating
 * system (P4 for gateways without acknowledgements). Writes complete in the order in which they were made. Hot path.
 */
import type { LogName } from "@parley/protocol";
import type { Entry } from "../engine/entry.ts";

/** How far logs have got. Most often it is one log, so there is no map. */
type Reached = { readonly log: LogName; seq: number }[];

function note(reached: Reached, log: LogName, seq: number): void {
  for (const one of reached) {
    if (one.log !== log) continue;
    one.seq = seq;
    return;
  }
  reached.push({ log, seq });
}

export class AutoAck {
  readonly #acknowledge: (log: LogName, seq: number) => void;
  /** What is in the outbox, and what is in each write under way. */
  #queued: Reached = [];
  readonly #writing: Reached[] = [];

  /** `acknowledge` is called with the furthest seq of each log that has left. */
  constructor(acknowledge: (log: LogName, seq: number) => void) {
    this.#acknowledge = acknowledge;
  }

  /** All of the log up to `seq` that is for this peer was put into the outbox. */
  queued(log: LogName, seq: number): void {
    note(this.#queued, log, seq);
  }

  /** The entry is not for this peer: acknowledged as soon as what came before it has left. */
  skipped({ log, seq }: Entry): void {
    // Not before the session has noted it as sent, which it does when `deliver` returns.
    queueMicrotask(() => {
      const ahead = this.#queued.length > 0 ? this.#queued : this.#writing.at(-1);
      if (ahead) note(ahead, log, seq);
      else this.#acknowledge(log, seq);
    });
  }

  /** The outbox writes all that it holds. */
  writing(): void {
    this.#writing.push(this.#queued);
    this.#queued = [];
  }

  /** The oldest write under way has left. */
  written(): void {
    const reached = this.#writing.shift();
    if (reached) for (const { log, seq } of reached) this.#acknowledge(log, seq);
  }
}
