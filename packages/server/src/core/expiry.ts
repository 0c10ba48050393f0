/**
 * Makes dead letters of messages whose `ttl` has passed, whether anybody reads or not. Knows in memory what expires next;
 * which logs hold such messages at all is on disk, so that only those are looked through after a restart. A message that
 * a connected device was given in time, and has not acknowledged yet, is waited for a little.
 */
import type { LogName } from "@parley/protocol";
import type { Engine, RecordWrite } from "../engine/engine.ts";
import type { Entry } from "../engine/entry.ts";
import type { Accounts } from "./accounts.ts";
import type { Clock } from "./clock.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { User } from "./directory.ts";
import type { LogFields } from "./log.ts";
import { messageIdOf } from "./message.ts";
import { pendingOf, type Readers } from "./readers.ts";
import { TimeQueue } from "./time-queue.ts";

/** How long after its time an unanswered message may still be acknowledged by a device that has it. */
const graceMs = 30_000;
const againMs = 1000;
/** Messages whose time is known in memory; where there are more, logs are looked through again. */
const maxKnown = 100_000;
/** A log is noted as holding messages that expire until the end of such a span: once for many. */
const spanMs = 3_600_000;
const stepEntries = 256;
const stepDue = 64;

/** What becomes of an entry that a reader met. */
export interface Met {
  /** Settled when its dead letter is on disk, there is to be none, or that has to wait. Never rejected. */
  readonly attempt: Promise<void>;
  /** Resolves when its dead letter is on disk, or there is to be none. */
  readonly dealt: Promise<void>;
}

interface Expiring {
  readonly at: number;
  readonly log: LogName;
  readonly epoch: string;
  readonly seq: number;
}

export class Expiry {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #readers: Readers;
  readonly #accounts: Accounts;
  readonly #deadLetters: DeadLetters;
  readonly #onFault: (error: unknown, about?: LogFields) => void;
  readonly #queue = new TimeQueue<Expiring>();
  /** Until when each log is noted, on disk. */
  readonly #noted = new Map<LogName, number>();
  /** Until when those are noted whose entries are on their way to the disk. */
  readonly #asked = new Map<LogName, number>();
  /** When logs have to be looked through: what expires from then on may not be in the queue. */
  #surveyAt = 0;
  /** Entries whose dead letter is on its way or written: several sessions meet the same one. */
  readonly #burying = new Map<string, Promise<void>>();
  /** Entries that readers met and that are not dealt with. */
  readonly #met = new Map<string, PromiseWithResolvers<void>>();

  constructor(parts: {
    readonly engine: Engine;
    readonly clock: Clock;
    readonly readers: Readers;
    readonly accounts: Accounts;
    readonly deadLetters: DeadLetters;
    readonly onFault: (error: unknown, about?: LogFields) => void;
  }) {
    this.#engine = parts.engine;
    this.#clock = parts.clock;
    this.#readers = parts.readers;
    this.#accounts = parts.accounts;
    this.#deadLetters = parts.deadLetters;
    this.#onFault = parts.onFault;
  }

  /** What has to be written with entries that expire; mostly nothing. */
  notes(entries: readonly Entry[]): readonly RecordWrite[] {
    const [first] = entries;
    if (!first || entries.every(({ log }) => (this.#noted.get(log) ?? 0) >= first.expiresAt)) return none;
    const until = endOfSpan(first.expiresAt);
    for (const { log } of entries) this.#asked.set(log, until);
    return entries.map(({ log }) => ({ kind: "expiring", key: log, value: { until } }));
  }

  /** An entry that expires was stored. */
  stored(entry: Entry): void {
    const { log } = entry;
    const until = endOfSpan(entry.expiresAt);
    this.#know(entry);
    if ((this.#noted.get(log) ?? 0) >= until) return;
    this.#noted.set(log, until);
    // Somebody stored it without asking for its notes.
    if ((this.#asked.get(log) ?? 0) < until)
      this.#engine
        .write([{ kind: "expiring", key: log, value: { until } }])
        .catch((error: unknown) => this.#onFault(error));
    this.#asked.delete(log);
  }

  #know({ expiresAt: at, log, epoch, seq }: Pick<Entry, "expiresAt" | "log" | "epoch" | "seq">): void {
    if (this.#queue.size < maxKnown) this.#queue.push({ at, log, epoch, seq });
    else this.#surveyAt = Math.min(this.#surveyAt, at);
  }

  /** A reader met an entry whose time has passed. */
  met(entry: Entry): Met {
    const key = keyOf(entry);
    const known = this.#met.get(key);
    const dealt = known ?? Promise.withResolvers<void>();
    if (!known) this.#met.set(key, dealt);
    const attempt = this.#bury(entry).catch((error: unknown) => {
      const { log, seq, payload } = entry;
      this.#onFault(error, { messageId: messageIdOf(payload), log, seq, reason: "expired" });
      this.#again(entry);
    });
    return { attempt, dealt: dealt.promise };
  }

  /** Looks at the entry once more, a little later. */
  #again({ log, epoch, seq }: Entry): void {
    this.#know({ log, epoch, seq, expiresAt: this.#clock.now() + againMs });
  }

  /** Deals with everything that has expired by now, in bounded steps. Rejects with `StorageUnavailable`. */
  async run(): Promise<void> {
    if (this.#clock.now() >= this.#surveyAt) await this.#survey();
    for (;;) {
      const due = this.#queue.due(this.#clock.now(), stepDue);
      if (due.length === 0) return;
      const results = await Promise.allSettled(due.map((one) => this.#expired(one)));
      results.forEach((result, i) => {
        if (result.status === "rejected")
          this.#queue.push({ ...(due[i] as Expiring), at: this.#clock.now() + againMs });
      });
      const failed = results.find(({ status }) => status === "rejected");
      if (failed) throw (failed as PromiseRejectedResult).reason;
    }
  }

  async #expired({ log, epoch, seq }: Expiring): Promise<void> {
    const [entry] = await this.#engine.read(log, seq - 1, "forward", 1);
    if (entry?.seq === seq && entry.epoch === epoch) await this.#bury(entry);
    else this.#dealtWith({ log, seq });
  }

  #bury(entry: Entry): Promise<void> {
    const key = keyOf(entry);
    const burying = this.#burying.get(key) ?? this.#write(entry).finally(() => this.#burying.delete(key));
    this.#burying.set(key, burying);
    return burying;
  }

  async #write(entry: Entry): Promise<void> {
    const { log, epoch, seq, expiresAt } = entry;
    const ended = seq <= (await this.#accounts.endedUpTo(log));
    const pending = ended ? [] : pendingOf(await this.#readers.of(log, epoch), entry);
    if (this.#clock.now() < expiresAt + graceMs && pending.some((user) => isInFlight(user, entry))) {
      this.#again(entry);
      return;
    }
    if (pending.length > 0) await this.#deadLetters.add("expired", entry, pending);
    this.#dealtWith(entry);
  }

  #dealtWith(place: Pick<Entry, "log" | "seq">): void {
    const key = keyOf(place);
    this.#met.get(key)?.resolve();
    this.#met.delete(key);
  }

  /** Looks through the logs that may hold messages that expire. */
  async #survey(): Promise<void> {
    this.#surveyAt = Number.POSITIVE_INFINITY;
    try {
      for (const [key, { until }] of await this.#engine.scan("expiring", "")) {
        const log = key as LogName;
        this.#noted.set(log, Math.max(until, this.#noted.get(log) ?? 0));
        await this.#surveyLog(log);
        if (until > this.#clock.now() || (this.#noted.get(log) ?? 0) > until) continue;
        // Everything that it was noted for has expired.
        this.#noted.delete(log);
        await this.#engine.write([{ kind: "expiring", key, value: undefined }]);
      }
    } catch (error) {
      this.#surveyAt = this.#clock.now() + againMs;
      throw error;
    }
  }

  async #surveyLog(log: LogName): Promise<void> {
    let from = await this.#accounts.endedUpTo(log);
    for (;;) {
      const entries = await this.#engine.read(log, from, "forward", stepEntries);
      const last = entries.at(-1);
      if (last === undefined) return;
      const now = this.#clock.now();
      const expiring = entries.filter(({ expiresAt }) => expiresAt !== 0);
      for (const entry of expiring) if (entry.expiresAt > now) this.#know(entry);
      await Promise.all(expiring.filter(({ expiresAt }) => expiresAt <= now).map((entry) => this.#bury(entry)));
      from = last.seq;
    }
  }
}

function keyOf({ log, seq }: Pick<Entry, "log" | "seq">): string {
  return `${log} ${seq}`;
}

/** Whether a connected device of the user has the entry and has not answered. */
function isInFlight({ sessions }: User, { log, seq }: Entry): boolean {
  for (const session of sessions) if (session.hasInFlight(log, seq)) return true;
  return false;
}

function endOfSpan(time: number): number {
  return Math.ceil(time / spanMs) * spanMs;
}

const none: readonly RecordWrite[] = [];
