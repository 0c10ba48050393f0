/**
 * P5 as numbers: of the messages that a log was given, how many are acknowledged, pending and dead. The unit is an entry
 * of a log: a message to three users is three, one to a room is one. An entry is *dead* if a dead letter stands for it;
 * *pending* if it is held and somebody whom it is for has not acknowledged it; *acknowledged* if everybody has; *missing*
 * if it is gone and none of these is true, which only durability `memory` can bring about.
 *
 * How entries at the beginning of a log ended is kept in a record, written before they are trimmed, so it holds over
 * any crash and however much was trimmed or purged; the others are looked at when somebody asks.
 */
import type { LogName } from "@parley/protocol";
import type { Engine, Head, RecordKinds, RecordWrite } from "../engine/engine.ts";
import type { Entry } from "../engine/entry.ts";
import { entrySeqOf, isInternal, lettersOf } from "./dead-letters.ts";
import { Mutex } from "./mutex.ts";
import { type LogReader, pendingOf, type Readers } from "./readers.ts";

export interface Account {
  /** The address. */
  readonly log: LogName;
  readonly epoch: string;
  readonly accepted: number;
  readonly acknowledged: number;
  readonly pending: number;
  readonly dead: number;
  /** 0, or messages of durability `memory` that a crash took (seqs that were set aside for them count too). */
  readonly missing: number;
}

/** The sums over all logs. */
export type Totals = Omit<Account, "log" | "epoch"> & { readonly logs: number };

type AccountRecord = RecordKinds["balance"];
type Ending = "acknowledged" | "pending" | "dead" | "missing";
/** Seqs of entries with dead letters, and the keys of the letters that were purged. */
interface Dead {
  readonly seqs: ReadonlySet<number>;
  readonly purged: ReadonlyMap<string, number>;
}
/** What decides how entries have ended. */
interface Endings {
  readonly readers: readonly LogReader[];
  readonly dead: Dead;
}

const stepEntries = 256;
const stepRecords = 1000;
const stepLogs = 256;

export class Accounts {
  readonly #engine: Engine;
  readonly #readers: Readers;
  /** What is on disk, of the logs that were looked at. */
  readonly #known = new Map<LogName, AccountRecord>();
  readonly #writing = new Mutex();
  #totals: { readonly at: number; readonly value: Promise<Totals> } | undefined;

  constructor(engine: Engine, readers: Readers) {
    this.#engine = engine;
    this.#readers = readers;
  }

  /** The seq up to which all entries of the log have ended, for good. Rejects with `StorageUnavailable`. */
  async endedUpTo(log: LogName): Promise<number> {
    const head = await this.#engine.head(log);
    return (await this.#begun(log, head)).upTo;
  }

  /**
   * Notes how the entries ended that stand before the first pending one. Resolves with the last of them when that is on
   * disk: up to there the log may be trimmed. Rejects with `StorageUnavailable`.
   */
  settle(log: LogName): Promise<number> {
    return this.#writing.run(async () => {
      const head = await this.#engine.head(log);
      const begun = await this.#begun(log, head);
      if (begun.upTo >= head.tail) return begun.upTo;
      const endings = await this.#endingsAfter(log, begun);
      const counts = { acknowledged: begun.acknowledged, dead: begun.dead, missing: begun.missing };
      let { upTo } = begun;
      await this.#walk(log, head, begun, endings, (seq, ending) => {
        if (ending === "pending") return false;
        counts[ending] += 1;
        upTo = seq;
        return true;
      });
      if (upTo === begun.upTo) return upTo;
      const account = { ...begun, ...counts, upTo };
      const forgotten = [...endings.dead.purged].filter(([, seq]) => seq <= upTo);
      await this.#write(
        log,
        account,
        forgotten.map(([key]) => ({ kind: "letter", key, value: undefined })),
      );
      return upTo;
    });
  }

  /**
   * Writes `records`, of letters that were purged, with what they change in the accounts. `plan` is told the log's
   * account as it is then. Rejects with `StorageUnavailable`.
   */
  purge(
    log: LogName,
    plan: (account: AccountRecord) => { records: readonly RecordWrite[]; turnedAway: number },
  ): Promise<void> {
    return this.#writing.run(async () => {
      const begun = await this.#begun(log, await this.#engine.head(log));
      const { records, turnedAway } = plan(begun);
      await this.#write(log, { ...begun, turnedAway: begun.turnedAway + turnedAway }, records);
    });
  }

  async #write(log: LogName, account: AccountRecord, records: readonly RecordWrite[]): Promise<void> {
    await this.#engine.write([{ kind: "balance", key: log, value: account }, ...records]);
    this.#known.set(log, account);
  }

  /** The log's account as of now: one entry after the other is looked at. Rejects with `StorageUnavailable`. */
  async of(log: LogName): Promise<Account> {
    const head = await this.#engine.head(log);
    const begun = await this.#begun(log, head);
    const away = await this.#engine.scan("letter", lettersOf(log, 0));
    const turnedAway = begun.turnedAway + away.length;
    const counts = {
      acknowledged: begun.acknowledged,
      pending: 0,
      dead: begun.dead + turnedAway,
      missing: begun.missing,
    };
    await this.#walk(log, head, begun, await this.#endingsAfter(log, begun), (_, ending) => {
      counts[ending] += 1;
      return true;
    });
    const accepted = Math.max(head.tail, begun.upTo) - begun.since + turnedAway;
    return { log, epoch: head.epoch, accepted, ...counts };
  }

  /** The accounts of up to `limit` addresses after `after`, in order. Rejects with `StorageUnavailable`. */
  async page(after: string, limit: number): Promise<{ accounts: Account[]; next?: LogName }> {
    const logs = await this.#engine.logs(after, limit);
    const accounts: Account[] = [];
    for (const log of logs) if (!isInternal(log)) accounts.push(await this.of(log));
    const last = logs.at(-1);
    return logs.length === limit && last !== undefined ? { accounts, next: last } : { accounts };
  }

  /** The sums over all addresses, at most `maxAgeMs` old: looking at many logs takes its time. */
  totals(now: number, maxAgeMs: number): Promise<Totals> {
    if (this.#totals && now - this.#totals.at < maxAgeMs) return this.#totals.value;
    const value = this.#sum();
    this.#totals = { at: now, value };
    value.catch(() => {
      this.#totals = undefined;
    });
    return value;
  }

  async #sum(): Promise<Totals> {
    const sums = { logs: 0, accepted: 0, acknowledged: 0, pending: 0, dead: 0, missing: 0 };
    let after = "";
    for (;;) {
      const { accounts, next } = await this.page(after, stepLogs);
      for (const { accepted, acknowledged, pending, dead, missing } of accounts) {
        sums.logs += 1;
        sums.accepted += accepted;
        sums.acknowledged += acknowledged;
        sums.pending += pending;
        sums.dead += dead;
        sums.missing += missing;
      }
      if (next === undefined) return sums;
      after = next;
    }
  }

  /** The log's record, or what it is before there is one. What an earlier epoch had is not part of it. */
  async #begun(log: LogName, { epoch, first }: Head): Promise<AccountRecord> {
    const stored = this.#known.get(log) ?? new Map(await this.#engine.scan("balance", log)).get(log);
    if (stored) this.#known.set(log, stored);
    if (stored?.epoch === epoch) return stored;
    const before = first - 1;
    const turnedAway = stored?.turnedAway ?? 0;
    return { epoch, since: before, upTo: before, acknowledged: 0, dead: 0, missing: 0, turnedAway };
  }

  /**
   * First how far the readers are, then the letters: who rejects has the letter on disk before it counts as having the
   * message, so whatever a reader has by the former that was rejected is among the latter.
   */
  async #endingsAfter(log: LogName, begun: AccountRecord): Promise<Endings> {
    const readers = await this.#readers.of(log, begun.epoch);
    return { readers, dead: await this.#deadAfter(log, begun) };
  }

  async #deadAfter(log: LogName, { epoch, upTo }: AccountRecord): Promise<Dead> {
    const seqs = new Set<number>();
    const purged = new Map<string, number>();
    let after = lettersOf(log, upTo + 1);
    for (;;) {
      const page = await this.#engine.scan("letter", `${log} `, { after, limit: stepRecords });
      for (const [key, letter] of page) {
        if (letter.epoch !== epoch) continue;
        seqs.add(entrySeqOf(key));
        if (letter.purged) purged.set(key, entrySeqOf(key));
      }
      const last = page.at(-1);
      if (page.length < stepRecords || last === undefined) return { seqs, purged };
      after = last[0];
    }
  }

  /** Tells how each entry after `begun.upTo` stands, in order, until `visit` has enough. */
  async #walk(
    log: LogName,
    { tail }: Head,
    begun: AccountRecord,
    { readers, dead }: Endings,
    visit: (seq: number, ending: Ending) => boolean,
  ): Promise<void> {
    const everybodyHas = Math.min(Number.POSITIVE_INFINITY, ...slowest(readers));
    const absent = (seq: number): Ending => {
      if (dead.seqs.has(seq)) return "dead";
      return seq <= everybodyHas ? "acknowledged" : "missing";
    };
    let seq = begun.upTo;
    while (seq < tail) {
      const entries = await this.#engine.read(log, seq, "forward", stepEntries);
      for (const entry of entries) {
        if (entry.seq > tail) break;
        while (++seq < entry.seq) if (!visit(seq, absent(seq))) return;
        const ending = dead.seqs.has(seq) ? "dead" : endingOf(entry, everybodyHas, readers);
        if (!visit(seq, ending)) return;
      }
      if (entries.length > 0 && (entries.at(-1) as Entry).seq <= tail) continue;
      while (++seq <= tail) if (!visit(seq, absent(seq))) return;
    }
  }
}

/** How far the slowest reader is, as a list of one or none. */
function slowest(readers: readonly LogReader[]): number[] {
  return readers.length === 0 ? [] : [readers.reduce((least, { acked }) => Math.min(least, acked), Infinity)];
}

function endingOf(entry: Entry, everybodyHas: number, readers: readonly LogReader[]): Ending {
  return entry.seq <= everybodyHas || pendingOf(readers, entry).length === 0 ? "acknowledged" : "pending";
}
