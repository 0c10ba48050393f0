/**
 * Acknowledges for protocols that cannot: a message counts as received when its bytes were handed to the operating
 * system (P4 for gateways without acknowledgements). Writes complete in the order in which they were made. Hot path.
 */
import type { LogName } from "@parley/protocol";
import type { Entry } from "../engine/entry.ts";

/** How far logs have got. Most often it is one log, so there is no map for the first. */
class Reached {
  #log: LogName | undefined;
  #seq = 0;
  #others: Map<LogName, number> | undefined;

  get isEmpty(): boolean {
    return this.#log === undefined;
  }

  set(log: LogName, seq: number): void {
    if (this.#log === undefined || this.#log === log) {
      this.#log = log;
      this.#seq = seq;
    } else {
      this.#others ??= new Map();
      this.#others.set(log, seq);
    }
  }

  /** Moves all of it to another, which is returned. */
  taken(): Reached {
    const taken = new Reached();
    taken.#log = this.#log;
    taken.#seq = this.#seq;
    taken.#others = this.#others;
    this.#clear();
    return taken;
  }

  /** Tells all of it, once. */
  tell<S>(core: Acknowledged<S>, session: S): void {
    const log = this.#log;
    if (log === undefined) return;
    const others = this.#others;
    this.#clear();
    core.acknowledge(session, log, this.#seq);
    if (others) for (const [other, seq] of others) core.acknowledge(session, other, seq);
  }

  #clear(): void {
    this.#log = undefined;
    this.#others = undefined;
  }
}

/** Who is told: the core. */
export interface Acknowledged<S> {
  /** All of the log up to `seq` that was for the session has left. */
  acknowledge(session: S, log: LogName, seq: number): void;
}

/** The acknowledgements of one session. It is itself how far what is in the outbox has got: one object less for each. */
export class AutoAck<S> extends Reached {
  readonly #core: Acknowledged<S>;
  readonly #session: S;
  /** What is in each write under way: most often there is none. */
  #writing: Reached[] | undefined;

  constructor(core: Acknowledged<S>, session: S) {
    super();
    this.#core = core;
    this.#session = session;
  }

  /** All of the log up to `seq` that is for this peer was put into the outbox. */
  queued(log: LogName, seq: number): void {
    this.set(log, seq);
  }

  /** The entry is not for this peer: acknowledged as soon as what came before it has left. */
  skipped({ log, seq }: Entry): void {
    // Not before the session has noted it as sent, which it does when `deliver` returns.
    queueMicrotask(() => {
      const ahead = this.isEmpty ? this.#writing?.at(-1) : this;
      if (ahead) ahead.set(log, seq);
      else this.#core.acknowledge(this.#session, log, seq);
    });
  }

  /** All that was in the outbox has left. */
  left(): void {
    this.tell(this.#core, this.#session);
  }

  /** The outbox writes all that it holds. */
  writing(): void {
    this.#writing ??= [];
    this.#writing.push(this.taken());
  }

  /** The oldest write under way has left. */
  written(): void {
    this.#writing?.shift()?.tell(this.#core, this.#session);
  }
}
