/**
 * What one group commit holds: the appends and records that go to the disk in one journal record. Builds it from the
 * appends, in order, giving out seqs; knows nothing of when it is written. Hot path (`npm run bench`).
 */
import { fail } from "@parley/protocol";
import type { Append, Appended, AppendOutcome, RecordWrite } from "../engine.ts";
import type { Entry } from "../entry.ts";
import type { KeyHash } from "./bloom.ts";
import { type JournalBody, writeContent } from "./journal-record.ts";
import { keys } from "./keys.ts";
import type { LogState } from "./log-state.ts";
import { type Receipt, writeReceipt } from "./receipt.ts";
import type { RecordChange } from "./records.ts";
import type { Place } from "./slabs.ts";
import type { TextWriter } from "./text-writer.ts";

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

/** Where a commit is put together; the next one uses the same. */
export interface CommitMemory {
  readonly receipts: TextWriter;
  readonly contents: TextWriter;
}

/** What is known before seqs are given out (`commit-preparation.ts`). */
export interface Prepared {
  /** Of the logs of all appends, one append's after the other's. */
  readonly states: readonly LogState[];
  /** Of the dedupe keys, by append. */
  readonly hashes: readonly (KeyHash | undefined)[];
  /** Receipts of earlier appends that some of these repeat, by dedupe key. */
  readonly repeats: ReadonlyMap<string, Receipt>;
}

/** For a commit of no appends. */
export const nothingPrepared: Prepared = { states: [], hashes: [], repeats: new Map() };

export class Commit {
  readonly #logs: ReadonlyMap<string, LogState>;
  readonly #prepared: Prepared;
  /** Those that are settled when it is on disk, in order; what they are settled with where that is known already. */
  readonly #appends: Append[] = [];
  readonly #outcomes: (AppendOutcome | undefined)[] = [];
  /** Where the logs and entries of each of these begin in `#states` and `#entries`, where it is stored. */
  readonly #starts: number[] = [];
  /** Those that are stored, settled early or not: the end of each in `#contents`, in bytes; their logs and entries in a row. */
  readonly #stored: Append[] = [];
  readonly #ends: number[] = [];
  readonly #states: LogState[] = [];
  readonly #entries: Entry[] = [];
  readonly #heads = new Set<LogState>();
  /** What appends bring with them. */
  readonly #records: RecordWrite[] = [];
  /** The dedupe keys of this commit. */
  readonly #keys = new Map<string, Receipt>();
  readonly #hashes: KeyHash[] = [];
  readonly #receipts: TextWriter;
  readonly #contents: TextWriter;
  /** Whether anything in it was promised to be on disk. */
  needsSync = false;
  /** Logs that get entries, each once. */
  readonly touched: LogState[] = [];

  /** `memory` is its own until it is written. */
  constructor({ receipts, contents }: CommitMemory, logs: ReadonlyMap<string, LogState>, prepared: Prepared) {
    receipts.clear();
    contents.clear();
    this.#receipts = receipts;
    this.#contents = contents;
    this.#logs = logs;
    this.#prepared = prepared;
  }

  /** Gives out seqs for the appends that were prepared. Those of `memory` durability may be settled in here. */
  add(appends: readonly Append[]): void {
    let at = 0;
    for (let i = 0; i < appends.length; i++) {
      const append = appends[i] as Append;
      this.#add(append, at, this.#prepared.hashes[i]);
      at += append.logs.length;
    }
  }

  /** One of them, the states of whose logs are prepared from `at` on; `hash` is that of its dedupe key. */
  #add(append: Append, at: number, hash: KeyHash | undefined): void {
    const known = append.dedupeKey === undefined ? undefined : this.#known(append.dedupeKey);
    if (known) {
      this.needsSync = true;
      this.#wait(append, repeat(append, known, this.#logs), 0);
    } else if (append.unlessRepeated) this.#wait(append, { ok: false, fault: append.unlessRepeated }, 0);
    else this.#store(append, at, hash);
  }

  /** It is settled when the commit is on disk: with `outcome`, or as stored, its entries from `start` on. */
  #wait(append: Append, outcome: AppendOutcome | undefined, start: number): void {
    this.#appends.push(append);
    this.#outcomes.push(outcome);
    this.#starts.push(start);
  }

  #known(key: string): Receipt | undefined {
    return this.#keys.get(key) ?? this.#prepared.repeats.get(key);
  }

  #store(append: Append, at: number, hash: KeyHash | undefined): void {
    const { logs, payload, origin, expiresAt, dedupeKey } = append;
    const states = this.#states;
    const entries = this.#entries;
    const from = states.length;
    let early = append.durability === "memory";
    for (let i = at; i < at + logs.length; i++) {
      const log = this.#prepared.states[i] as LogState;
      if (log.waiting || log.tail + 1 > log.reserved) early = false;
      states.push(log);
    }
    const bytes = writeContent(this.#contents, append);
    for (let i = from; i < states.length; i++) {
      const log = states[i] as LogState;
      entries.push(log.append(payload, bytes, origin, expiresAt));
      if (log.pending.length === 1) this.touched.push(log);
      if (!log.recorded) this.#heads.add(log);
      if (!early) log.waiting = true;
    }
    if (append.records) for (const record of append.records(entries.slice(from))) this.#records.push(record);
    if (dedupeKey !== undefined && hash) {
      const { digest, id, ts } = append;
      this.#keys.set(dedupeKey, { dedupeKey, digest, id, ts, positions: entries.slice(from) });
      this.#hashes.push(hash);
    }
    writeReceipt(this.#receipts, append, entries, from);
    this.#stored.push(append);
    this.#ends.push(this.#contents.length);
    if (early) {
      this.#settle(append, from, "memory");
      return;
    }
    this.needsSync = true;
    if (append.durability === "memory") this.#reserve(from);
    this.#wait(append, undefined, from);
  }

  /** The first of many: this one waits for the disk, and the next `reservation` ones need not. */
  #reserve(from: number): void {
    for (let i = from; i < this.#states.length; i++) {
      const log = this.#states[i] as LogState;
      if (log.tail < log.reserved) continue;
      log.reserved = log.tail + reservation;
      this.#heads.add(log);
    }
  }

  /** Readers may see its entries, which begin at `from`, and its sender is told. What is told of lives no longer than that. */
  #settle(append: Append, from: number, durability: Appended["durability"]): void {
    const { id, ts, logs } = append;
    const entries = this.#entries.slice(from, from + logs.length);
    for (let i = 0; i < entries.length; i++) (this.#states[from + i] as LogState).settled = (entries[i] as Entry).seq;
    append.settled({ ok: true, duplicate: false, durability, id, ts, positions: entries, entries });
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
    if (changes.length === 0 && this.#receipts.length === 0) return undefined;
    return { changes, receipts: this.#receipts.written, contents: this.#contents.written };
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
    let next = 0;
    for (let i = 0; i < this.#stored.length; i++) {
      const end = at + (this.#ends[i] as number);
      const { logs } = this.#stored[i] as Append;
      for (let j = 0; j < logs.length; j++, next++)
        (this.#states[next] as LogState).stored((this.#entries[next] as Entry).seq, slab, start, end);
      start = end;
    }
  }

  /** It is on disk: readers may see it, senders are told, in order. */
  succeeded(): void {
    for (const log of this.#heads) log.recorded = true;
    for (const log of this.touched) log.waiting = false;
    for (let i = 0; i < this.#appends.length; i++) {
      const append = this.#appends[i] as Append;
      const outcome = this.#outcomes[i];
      if (outcome) append.settled(outcome);
      else this.#settle(append, this.#starts[i] as number, "fsync");
    }
  }

  /** It is not, or nobody knows: every append that was not settled gets the fault. */
  failed(message: string): void {
    for (const append of this.#appends) append.settled(fail("storage_unavailable", message, 1000));
  }
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
