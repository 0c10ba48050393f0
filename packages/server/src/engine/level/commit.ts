/**
 * What one group commit holds: the appends and records that go to the disk in one journal record. Builds it from the
 * appends, in order, giving out seqs; knows nothing of when it is written. Hot path (`npm run bench`).
 */
import { fail } from "@parley/protocol";
import type { Append, Appended, AppendOutcome, RecordWrite } from "../engine.ts";
import type { Entry } from "../entry.ts";
import type { KeyHash } from "./bloom.ts";
import { contentBytes, encodeContent, type JournalBody } from "./journal-record.ts";
import { keys } from "./keys.ts";
import type { LogState } from "./log-state.ts";
import { encodeReceipt, type Receipt } from "./receipt.ts";
import type { RecordChange } from "./records.ts";
import type { Place } from "./slabs.ts";

/** Where a crash can come between two writes; tests end the process there (`test/faults`). */
export const commitSteps = [
  "before-write",
  "after-write",
  "after-reply",
  "checkpoint-chunks",
  "checkpoint-pointers",
  "checkpoint-receipts",
  "checkpoint-records",
  "checkpoint-end",
  "checkpoint-dropped",
] as const;
export type CommitStep = (typeof commitSteps)[number];

/** Seqs that are set aside at once for appends of `memory` durability. */
const reservation = 4096;

export class Commit {
  readonly #logs: ReadonlyMap<string, LogState>;
  /** The receipts of appends of earlier commits that some of these repeat. */
  readonly #repeats: ReadonlyMap<string, Receipt | undefined>;
  readonly #outcomes: {
    readonly append: Append;
    readonly outcome: AppendOutcome;
    readonly logs: readonly LogState[];
  }[] = [];
  /** The end in `#contents`, in bytes, of each append that is stored, its logs and its entries. */
  readonly #stored: { readonly end: number; readonly logs: readonly LogState[]; readonly entries: readonly Entry[] }[] =
    [];
  readonly #heads = new Set<LogState>();
  /** What appends bring with them. */
  readonly #records: RecordWrite[] = [];
  /** The dedupe keys of this commit. */
  readonly #keys = new Map<string, Receipt>();
  readonly #hashes: KeyHash[] = [];
  #receipts = "";
  #contents = "";
  #contentBytes = 0;
  /** Whether anything in it was promised to be on disk. */
  needsSync = false;
  readonly touched = new Set<LogState>();

  constructor(logs: ReadonlyMap<string, LogState>, repeats: ReadonlyMap<string, Receipt | undefined>) {
    this.#logs = logs;
    this.#repeats = repeats;
  }

  /** Gives out seqs for one append; `hash` is that of its dedupe key. One of `memory` durability may be settled in here. */
  add(append: Append, hash: KeyHash | undefined): void {
    const known = append.dedupeKey === undefined ? undefined : this.#known(append.dedupeKey);
    if (known) {
      this.needsSync = true;
      this.#outcomes.push({ append, outcome: repeat(append, known, this.#logs), logs: [] });
      return;
    }
    if (append.unlessRepeated) {
      this.#outcomes.push({ append, outcome: { ok: false, fault: append.unlessRepeated }, logs: [] });
      return;
    }
    const logs: LogState[] = [];
    let early = append.durability === "memory";
    for (const name of append.logs) {
      const log = this.#logs.get(name);
      if (!log) throw new Error(`log ${name} was not loaded before the commit`);
      if (log.waiting || log.tail + 1 > log.reserved) early = false;
      logs.push(log);
    }
    this.#store(append, logs, early, hash);
  }

  #known(key: string): Receipt | undefined {
    return this.#keys.get(key) ?? this.#repeats.get(key);
  }

  #store(append: Append, logs: readonly LogState[], early: boolean, hash: KeyHash | undefined): void {
    const entries: Entry[] = [];
    const bytes = Buffer.byteLength(append.payload);
    for (const log of logs) {
      const entry = log.append(append.payload, bytes, append.origin, append.expiresAt);
      entries.push(entry);
      this.touched.add(log);
      if (!log.recorded) this.#heads.add(log);
      if (!early) log.waiting = true;
    }
    for (const record of append.records?.(entries) ?? []) this.#records.push(record);
    const { id, ts, dedupeKey, digest } = append;
    const receipt = encodeReceipt(append, entries);
    if (dedupeKey !== undefined && hash) {
      this.#keys.set(dedupeKey, { dedupeKey, digest, id, ts, positions: entries });
      this.#hashes.push(hash);
    }
    this.#receipts += receipt;
    this.#contents += encodeContent(append);
    this.#contentBytes += contentBytes(append, bytes);
    this.#stored.push({ end: this.#contentBytes, logs, entries });
    const outcome: Appended = {
      ok: true,
      duplicate: false,
      durability: early ? "memory" : "fsync",
      id,
      ts,
      positions: entries,
      entries,
    };
    if (early) {
      settle(append, outcome, logs);
      return;
    }
    this.needsSync = true;
    if (append.durability === "memory") this.#reserve(logs);
    this.#outcomes.push({ append, outcome, logs });
  }

  /** The first of many: this one waits for the disk, and the next `reservation` ones need not. */
  #reserve(logs: readonly LogState[]): void {
    for (const log of logs) {
      if (log.tail < log.reserved) continue;
      log.reserved = log.tail + reservation;
      this.#heads.add(log);
    }
  }

  /** What is known of the log beside its entries changed: that goes with this commit. */
  headChanged(log: LogState): void {
    this.#heads.add(log);
    this.needsSync = true;
  }

  /** What to write; `records` go with it. Undefined if that is nothing. */
  body(records: readonly RecordWrite[]): JournalBody | undefined {
    const changes: RecordChange[] = [];
    for (const log of this.#heads) changes.push([keys.head(log.name), JSON.stringify(log.record)]);
    for (const { kind, key, value } of [...this.#records, ...records])
      changes.push([keys.record(kind, key), value === undefined ? null : JSON.stringify(value)]);
    if (changes.length === 0 && this.#receipts === "") return undefined;
    return { changes, receipts: this.#receipts, contents: this.#contents };
  }

  /** How many appends are stored, repeats left out. */
  get appends(): number {
    return this.#stored.length;
  }

  /** The hashes of its dedupe keys. */
  get hashes(): readonly KeyHash[] {
    return this.#hashes;
  }

  /** It is in the journal, its contents in memory from `at` on: there they are read until a checkpoint has moved them. */
  written({ slab, at }: Place): void {
    let start = at;
    for (const { end, logs, entries } of this.#stored) {
      for (let i = 0; i < logs.length; i++)
        (logs[i] as LogState).stored((entries[i] as Entry).seq, slab, start, at + end);
      start = at + end;
    }
  }

  /** It is on disk: readers may see it, senders are told, in order. */
  succeeded(): void {
    for (const log of this.#heads) log.recorded = true;
    for (const log of this.touched) log.waiting = false;
    for (const { append, outcome, logs } of this.#outcomes) settle(append, outcome, logs);
  }

  /** It is not, or nobody knows: every append that was not settled gets the fault. */
  failed(message: string): void {
    for (const { append } of this.#outcomes) append.settled(fail("storage_unavailable", message, 1000));
  }
}

function settle(append: Append, outcome: AppendOutcome, logs: readonly LogState[]): void {
  if (outcome.ok)
    for (let i = 0; i < logs.length; i++) (logs[i] as LogState).settled = (outcome.entries[i] as Entry).seq;
  append.settled(outcome);
}

function repeat(
  append: Append,
  { digest, id, ts, positions }: Receipt,
  logs: ReadonlyMap<string, LogState>,
): AppendOutcome {
  if (digest !== append.digest) return fail("client_id_reused", "this clientId was sent before with another content");
  // A restore gives logs a new epoch and keeps their seqs; receipts from before it still have the old one.
  const current = positions.map((position) => ({
    ...position,
    epoch: logs.get(position.log)?.epoch ?? position.epoch,
  }));
  return { ok: true, duplicate: true, durability: "fsync", id, ts, positions: current, entries: [] };
}
