/**
 * What left, or never reached, a reader unacknowledged: an entry each in a log of its own, with the reason. Written
 * before the message goes, under a dedupe key, so that a crash in between neither loses nor doubles one (P5).
 */
import type { LogName } from "@parley/protocol";
import type { Append, AppendOutcome, Engine } from "../engine/engine.ts";
import type { Entry } from "../engine/entry.ts";
import type { Clock } from "./clock.ts";
import type { User } from "./directory.ts";
import { pendingOf, type Readers } from "./readers.ts";

/** `too_large`: the reader's protocol has no way to carry a message of that size. */
export type DeadReason =
  | "expired"
  | "inbox_full"
  | "retention"
  | "unacked"
  | "undeliverable"
  | "rejected"
  | "too_large";

/** The dead-letter log. Not an address: no name has a `$`. */
export const deadLetterLog = "$dead" as LogName;

/** What a dead letter's payload parses to. */
export interface DeadLetter {
  readonly reason: DeadReason;
  readonly ts: number;
  readonly log: LogName;
  readonly epoch: string;
  readonly seq: number;
  /** Users who had not acknowledged it, at most 100 of them; empty where that is the log's user alone. */
  readonly pending: readonly string[];
  /** The message as it was stored. */
  readonly message: unknown;
}

const maxPendingNamed = 100;
/** Expired entries that were just handed over; the same one is met by every session that reads its log. */
const maxRemembered = 10_000;

export class DeadLetters {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #readers: Readers;
  readonly #onFault: (error: unknown) => void;
  readonly #remembered = new Set<string>();

  constructor(engine: Engine, clock: Clock, newId: () => string, readers: Readers, onFault: (error: unknown) => void) {
    this.#engine = engine;
    this.#clock = clock;
    this.#newId = newId;
    this.#readers = readers;
    this.#onFault = onFault;
  }

  /** A reader met an entry whose time has passed. Resolves when that is on disk, or has failed, which is reported. */
  async expired(entry: Entry): Promise<void> {
    const key = `${entry.log} ${entry.epoch} ${entry.seq}`;
    if (this.#remembered.has(key)) return;
    if (this.#remembered.size >= maxRemembered) this.#remembered.clear();
    this.#remembered.add(key);
    try {
      const pending = pendingOf(await this.#readers.of(entry.log, entry.epoch), entry);
      if (pending.length > 0) await this.add("expired", entry, pending);
    } catch (error) {
      this.#remembered.delete(key);
      this.#onFault(error);
    }
  }

  /**
   * One of the log's readers cannot be given an entry that others may get: a dead letter for that reader alone, unless
   * it has acknowledged the entry. Resolves when it is on disk. Rejects where the store refuses.
   */
  async undelivered(reason: DeadReason, entry: Entry, reader: User): Promise<void> {
    if (await this.#readers.hasAcked(reader, entry)) return;
    await this.#write(reason, entry, [reader], reader.key === entry.log ? "" : ` ${reader.key}`);
  }

  /** Writes a dead letter; resolves when it is on disk. Rejects where the store refuses. */
  async add(reason: DeadReason, entry: Entry, pending: readonly User[]): Promise<void> {
    await this.#write(reason, entry, pending, "");
  }

  /**
   * A message that was accepted and not put into `log`, because too much waits there already: settled when its letter is
   * durable. `seq` of the letter is 0: it never had one.
   */
  overflowed({ id, ts, payload, dedupeKey, digest }: Append, log: LogName): Promise<AppendOutcome> {
    return new Promise((settled) =>
      this.#engine.append({
        id,
        ts,
        logs: [deadLetterLog],
        payload: encodeLetter("inbox_full", ts, { log, epoch: "", seq: 0, payload }, []),
        origin: "",
        expiresAt: 0,
        durability: "fsync",
        dedupeKey: dedupeKey === undefined ? undefined : `${deadLetterLog} ${dedupeKey} ${log}`,
        digest,
        settled,
      }),
    );
  }

  /** `whose` keeps the letters of single readers apart. */
  async #write(reason: DeadReason, entry: Entry, pending: readonly User[], whose: string): Promise<void> {
    const names = pending.filter(({ key }) => key !== entry.log).map(({ name }) => name);
    const outcome = await new Promise<AppendOutcome>((settled) =>
      this.#engine.append(this.#letter(reason, entry, names, whose, settled)),
    );
    if (!outcome.ok) throw new Error(outcome.fault.message);
  }

  #letter(
    reason: DeadReason,
    entry: Entry,
    pending: readonly string[],
    whose: string,
    settled: Append["settled"],
  ): Append {
    const { log, epoch, seq } = entry;
    const ts = this.#clock.now();
    return {
      id: this.#newId(),
      ts,
      logs: [deadLetterLog],
      payload: encodeLetter(reason, ts, entry, pending),
      origin: "",
      expiresAt: 0,
      durability: "fsync",
      dedupeKey: `${deadLetterLog} ${log}:${epoch}:${seq}${whose}`,
      digest: "",
      settled,
    };
  }
}

/** A `DeadLetter` as JSON. */
function encodeLetter(
  reason: DeadReason,
  ts: number,
  { log, epoch, seq, payload }: Pick<Entry, "log" | "epoch" | "seq" | "payload">,
  pending: readonly string[],
): string {
  const names = JSON.stringify(pending.slice(0, maxPendingNamed));
  return `{"reason":"${reason}","ts":${ts},"log":${JSON.stringify(log)},"epoch":"${epoch}","seq":${seq},"pending":${names},"message":${payload}}`;
}
