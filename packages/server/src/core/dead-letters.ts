/**
 * What left, or never reached, a reader unacknowledged: an entry each in a log of its own, with the reason. Written
 * before the message goes, under a dedupe key, so that a crash in between neither loses nor doubles one (P5). With it, in
 * the same write, goes a small record by which the entry that it stands for is known to be dead (`accounts.ts`).
 */
import type { DeadLetter, DeadReason, LogName } from "@parley/protocol";
import type { Append, AppendOutcome, Engine, RecordWrite } from "../engine/engine.ts";
import { StorageUnavailable } from "../engine/engine.ts";
import type { Entry } from "../engine/entry.ts";
import type { Clock } from "./clock.ts";
import type { User } from "./directory.ts";
import type { Readers } from "./readers.ts";

/** The dead-letter log. Not an address: no name has a `$`. */
export const deadLetterLog = "$dead" as LogName;

/** A message that is not to go where it was sent. */
type OverflowingAppend = Pick<Append, "id" | "ts" | "payload" | "dedupeKey" | "digest">;

/** A message and the place it had. */
type Stored = Pick<Entry, "log" | "epoch" | "seq" | "payload">;

const maxPendingNamed = 100;
const digits = 16;

/** The key of a dead letter's record: the entry that it stands for, then its own seq. Sorts by both. */
export function letterKey(log: LogName, seq: number, letter: number): string {
  return `${lettersOf(log, seq)}${pad(letter)}`;
}

/** What the keys of all letters of an entry begin with. */
export function lettersOf(log: LogName, seq: number): string {
  return `${log} ${pad(seq)} `;
}

/** The seq of the entry that a letter's key names. */
export function entrySeqOf(key: string): number {
  return Number(key.slice(-2 * digits - 1, -digits - 1));
}

function pad(seq: number): string {
  return String(seq).padStart(digits, "0");
}

/** Whether a log is the server's own: not an address, read by nobody, never trimmed by retention. */
export function isInternal(log: LogName): boolean {
  return log.startsWith("$");
}

export class DeadLetters {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #readers: Readers;
  readonly #onWritten: (reason: DeadReason) => void;

  /** `onWritten` is told of each letter that is on disk and was not before. */
  constructor(
    engine: Engine,
    clock: Clock,
    newId: () => string,
    readers: Readers,
    onWritten: (reason: DeadReason) => void,
  ) {
    this.#onWritten = onWritten;
    this.#engine = engine;
    this.#clock = clock;
    this.#newId = newId;
    this.#readers = readers;
  }

  /**
   * One of the log's readers cannot be given an entry that others may get: a dead letter for that reader alone, unless
   * it has acknowledged the entry. Resolves when it is on disk. Rejects where the store refuses.
   */
  async undelivered(reason: DeadReason, entry: Entry, reader: User): Promise<void> {
    if (!(await this.#readers.hasAcked(reader, entry))) await this.ofReader(reason, entry, reader);
  }

  /** The same, whatever was acknowledged; `note` is what the reader said. */
  async ofReader(reason: DeadReason, entry: Entry, reader: User, note?: string): Promise<void> {
    await this.#write(reason, entry, [reader], reader.key === entry.log ? "" : ` ${reader.key}`, note);
  }

  /** Writes a dead letter; resolves when it is on disk. Rejects where the store refuses. */
  async add(reason: DeadReason, entry: Stored, pending: readonly User[]): Promise<void> {
    await this.#write(reason, entry, pending, "");
  }

  /**
   * A message that was accepted and not put into `log`, because too much waits there already: settled when its letter is
   * durable. `seq` of the letter is 0: it never had one. A repeat of the message is one of the letter.
   */
  overflowed({ id, ts, payload, dedupeKey, digest }: OverflowingAppend, log: LogName): Promise<AppendOutcome> {
    const own = dedupeKey === undefined ? undefined : `${deadLetterLog} ${dedupeKey} ${log}`;
    return this.#append({ reason: "inbox_full", ts, log, epoch: "", seq: 0 }, payload, [], {
      id,
      dedupeKey: own,
      digest,
    });
  }

  /** `whose` keeps the letters of one place apart. */
  async #write(
    reason: DeadReason,
    entry: Stored,
    pending: readonly User[],
    whose: string,
    note?: string,
  ): Promise<void> {
    const { log, epoch, seq, payload } = entry;
    const names = pending.filter(({ key }) => key !== log).map(({ name }) => name);
    const about = { reason, ts: this.#clock.now(), log, epoch, seq, ...(note === undefined ? {} : { note }) };
    const dedupeKey = `${deadLetterLog} ${log}:${epoch}:${seq}${whose}`;
    const outcome = await this.#append(about, payload, names, { id: this.#newId(), dedupeKey, digest: "" });
    if (!outcome.ok) throw new StorageUnavailable(outcome.fault.message);
  }

  async #append(
    about: Omit<DeadLetter, "pending" | "message">,
    message: string,
    pending: readonly string[],
    own: Pick<Append, "id" | "dedupeKey" | "digest">,
  ): Promise<AppendOutcome> {
    const { reason, ts, log, epoch, seq } = about;
    const value = { epoch, reason, ts };
    const head = JSON.stringify({ ...about, pending: pending.slice(0, maxPendingNamed) });
    const outcome = await new Promise<AppendOutcome>((settled) =>
      this.#engine.append({
        ...own,
        ts,
        logs: [deadLetterLog],
        payload: `${head.slice(0, -1)},"message":${message}}`,
        origin: "",
        expiresAt: 0,
        durability: "fsync",
        records: (entries) =>
          entries.map((letter): RecordWrite => ({ kind: "letter", key: letterKey(log, seq, letter.seq), value })),
        settled,
      }),
    );
    if (outcome.ok && !outcome.duplicate) this.#onWritten(reason);
    return outcome;
  }
}

/** What a payload of the dead-letter log says. */
export function parseLetter(payload: string): DeadLetter {
  return JSON.parse(payload) as DeadLetter;
}
