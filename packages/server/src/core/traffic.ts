/**
 * What the core and the gateways count: plain numbers, added to as things happen and read when somebody looks
 * (`observe/metrics.ts`). Also keeps which connections are open, and logs when they end. Called on the hot path: a count
 * there is one addition.
 */
import type { ErrorCode } from "@parley/protocol";
import type { Connection } from "./connection.ts";
import type { Log, LogFields } from "./log.ts";

/** A connection as it is watched, logged in or not. */
export interface Watched {
  readonly info: Connection["info"];
  /** Bytes that wait to be taken by the peer. */
  readonly waitingBytes: number;
}

/** Why a connection ended: an error code of ours, `bye` where the peer said so, `gone` where it went without a word. */
export type EndReason = ErrorCode | "bye" | "gone";

/** What an ordinary end is: every other one is worth a line at the default level. */
const ordinary: ReadonlySet<EndReason> = new Set(["bye", "gone", "shutting_down"]);

export class Traffic {
  /** Messages that were stored. */
  accepted = 0;
  /** Sends that repeated an earlier one. */
  duplicates = 0;
  /** Messages handed to a connection; one to many counts for each. */
  delivered = 0;
  /** Of those delivered, the ones that were acknowledged. */
  acknowledged = 0;
  /** Sends that were refused, by error code. */
  readonly refused = new Map<ErrorCode, number>();
  /** Dead letters written since the start, by reason. */
  readonly dead = new Map<string, number>();
  /** Connections since the start, by gateway. */
  readonly opened = new Map<string, number>();
  /** Connections that ended, by reason. */
  readonly ended = new Map<EndReason, number>();
  readonly #open = new Set<OpenConnection>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Those that are open now. */
  get open(): ReadonlySet<OpenConnection> {
    return this.#open;
  }

  /** A peer has connected. Call `ended` of what is returned when it is gone. */
  connected(connection: Watched): OpenConnection {
    const { gateway, address } = connection.info;
    count(this.opened, gateway);
    const open = new OpenConnection(connection, this.#onEnd);
    this.#open.add(open);
    this.#log.debug("connection opened", { gateway, address });
    return open;
  }

  /** One for all: each connection keeps it. */
  readonly #onEnd: OnEnd = (connection, reason) => {
    if (!this.#open.delete(connection)) return;
    count(this.ended, reason);
    const { user, watched, since } = connection;
    const about = { ...watched.info, user, reason, ms: Math.round(performance.now() - since) };
    if (ordinary.has(reason)) this.#log.debug("connection closed", about);
    else this.#log.info("connection closed", about);
  };

  /** A send was not carried out. */
  sendRefused(code: ErrorCode, about: LogFields): void {
    count(this.refused, code);
    this.#log.debug("send refused", { ...about, code });
  }

  /** A dead letter is on disk. */
  died(reason: string): void {
    count(this.dead, reason);
  }
}

type OnEnd = (connection: OpenConnection, reason: EndReason) => void;

/** One that is open, until `ended`. */
export class OpenConnection {
  readonly watched: Watched;
  /** `performance.now()` when it came, in whole ms: a number with a fraction is an object of its own. */
  readonly since = Math.floor(performance.now());
  /** Who it is, once that is known. */
  user: string | undefined;
  readonly #onEnd: OnEnd;

  constructor(watched: Watched, onEnd: OnEnd) {
    this.watched = watched;
    this.#onEnd = onEnd;
  }

  /** It is gone. Only the first call counts: it knows the reason. */
  ended(reason: EndReason): void {
    this.#onEnd(this, reason);
  }
}

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
