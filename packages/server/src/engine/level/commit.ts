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
import { NumberList } from "./number-list.ts";
import { type Receipt, writeReceipt } from "./receipt.ts";
import type { RecordChange } from "./records.ts";
import type { Place } from "./slabs.ts";
import { TextWriter } from "./text-writer.ts";

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
export class CommitMemory {
  readonly receipts = new TextWriter();
  readonly contents = new TextWriter();
  /** Of each append that is stored: the size of its payload, and where its line ends in `contents`, in bytes. */
  readonly sizes = new NumberList();
  readonly ends = new NumberList();
  /** Of each append: what becomes of it. */
  readonly fates = new NumberList();
}

/** What becomes of an append: stored, and settled when the commit is on disk. */
const waits = 0;
/** Stored and settled already. */
const early = 1;
/** Settled, when the commit is on disk, with what is known already. */
const known = 2;

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
  readonly #memory: CommitMemory;
  #appends: readonly Append[] = [];
  /** What those are settled with that are not stored, by their place among the appends; none: there is none. */
  #outcomes: Map<number, AppendOutcome> | undefined;
  /** One for each of the prepared states, where its append is stored. */
  readonly #entries: Entry[];
  readonly #heads = new Set<LogState>();
  /** What appends bring with them. */
  readonly #records: RecordWrite[] = [];
  /** The dedupe keys of this commit. */
  readonly #keys = new Map<string, Receipt>();
  readonly #hashes: KeyHash[] = [];
  /** Whether anything in it was promised to be on disk. */
  needsSync = false;
  /** Logs that get entries, each once. */
  readonly touched: LogState[] = [];
  /** How many appends are stored, repeats left out. */
  stored = 0;

  /** `memory` is its own until it is settled. */
  constructor(memory: CommitMemory, logs: ReadonlyMap<string, LogState>, prepared: Prepared) {
    memory.receipts.clear();
    memory.contents.clear();
    this.#memory = memory;
    this.#logs = logs;
    this.#prepared = prepared;
    this.#entries = new Array(prepared.states.length);
  }

  /** Gives out seqs for the appends that were prepared. Those of `memory` durability may be settled in here. */
  add(appends: readonly Append[]): void {
    const { sizes, ends, fates } = this.#memory;
    for (const list of [sizes, ends, fates]) list.begin(appends.length);
    this.#appends = appends;
    for (let i = 0, at = 0; i < appends.length; i++) {
      this.#add(i, at);
      at += (appends[i] as Append).logs.length;
    }
  }

  /** One of them, the states of whose logs are prepared from `at` on. */
  #add(place: number, at: number): void {
    const append = this.#appends[place] as Append;
    const { dedupeKey, unlessRepeated } = append;
    const receipt = dedupeKey === undefined ? undefined : this.#known(dedupeKey);
    if (receipt) {
      this.needsSync = true;
      this.#isKnown(place, repeat(append, receipt, this.#logs));
    } else if (unlessRepeated) this.#isKnown(place, { ok: false, fault: unlessRepeated });
    else this.#store(append, place, at);
  }

  #isKnown(place: number, outcome: AppendOutcome): void {
    this.#outcomes ??= new Map();
    this.#outcomes.set(place, outcome);
    this.#memory.fates.set(place, known);
  }

  #known(key: string): Receipt | undefined {
    return this.#keys.get(key) ?? this.#prepared.repeats.get(key);
  }

  #store(append: Append, place: number, at: number): void {
    const { logs, payload, origin, expiresAt, dedupeKey } = append;
    const { receipts, contents, sizes, ends } = this.#memory;
    const { states, hashes } = this.#prepared;
    const entries = this.#entries;
    const to = at + logs.length;
    let isEarly = append.durability === "memory";
    for (let i = at; i < to; i++) {
      const log = states[i] as LogState;
      if (log.waiting || log.tail + 1 > log.reserved) isEarly = false;
    }
    const bytes = writeContent(contents, append);
    for (let i = at; i < to; i++) {
      const log = states[i] as LogState;
      entries[i] = log.append(payload, bytes, origin, expiresAt);
      if (log.pending.length === 1) this.touched.push(log);
      if (!log.recorded) this.#heads.add(log);
      if (!isEarly) log.waiting = true;
    }
    if (append.records) for (const record of append.records(entries.slice(at, to))) this.#records.push(record);
    const hash = hashes[place];
    if (dedupeKey !== undefined && hash) {
      const { digest, id, ts } = append;
      this.#keys.set(dedupeKey, { dedupeKey, digest, id, ts, positions: entries.slice(at, to) });
      this.#hashes.push(hash);
    }
    writeReceipt(receipts, append, entries, at, to);
    sizes.set(place, bytes);
    ends.set(place, contents.length);
    this.stored += 1;
    if (isEarly) {
      this.#memory.fates.set(place, early);
      this.#settle(place, at, "memory");
      return;
    }
    this.needsSync = true;
    if (append.durability === "memory") this.#reserve(at, to);
  }

  /** The first of many: this one waits for the disk, and the next `reservation` ones need not. */
  #reserve(from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const log = this.#prepared.states[i] as LogState;
      if (log.tail < log.reserved) continue;
      log.reserved = log.tail + reservation;
      this.#heads.add(log);
    }
  }

  /** Readers may see the entries of the append at `place`, and its sender is told. What is told of lives no longer than that. */
  #settle(place: number, at: number, durability: Appended["durability"]): void {
    const append = this.#appends[place] as Append;
    const { id, ts, logs } = append;
    const bytes = this.#memory.sizes.at(place);
    const entries = this.#entries.slice(at, at + logs.length);
    for (let i = 0; i < entries.length; i++)
      (this.#prepared.states[at + i] as LogState).settled = (entries[i] as Entry).seq;
    append.settled({ ok: true, duplicate: false, durability, id, ts, bytes, positions: entries, entries });
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
    const { receipts, contents } = this.#memory;
    if (changes.length === 0 && receipts.length === 0) return undefined;
    return { changes, receipts: receipts.written, contents: contents.written };
  }

  /** The hashes of its dedupe keys. */
  get hashes(): readonly KeyHash[] {
    return this.#hashes;
  }

  /** It is in the journal, its contents in memory from `at` on: there they are read until a checkpoint has moved them. */
  written({ slab, at: contentsAt }: Place): void {
    const { sizes, ends, fates } = this.#memory;
    const { states } = this.#prepared;
    let start = contentsAt;
    for (let i = 0, at = 0; i < this.#appends.length; i++) {
      const to = at + (this.#appends[i] as Append).logs.length;
      if (fates.at(i) !== known) {
        const end = contentsAt + ends.at(i);
        const bytes = sizes.at(i);
        for (let j = at; j < to; j++)
          (states[j] as LogState).stored((this.#entries[j] as Entry).seq, slab, start, end, bytes);
        start = end;
      }
      at = to;
    }
  }

  /** It is on disk: readers may see it, senders are told, in order. */
  succeeded(): void {
    for (const log of this.#heads) log.recorded = true;
    for (const log of this.touched) log.waiting = false;
    const { fates } = this.#memory;
    for (let i = 0, at = 0; i < this.#appends.length; i++) {
      const append = this.#appends[i] as Append;
      const fate = fates.at(i);
      if (fate === waits) this.#settle(i, at, "fsync");
      else if (fate === known) append.settled(this.#outcomes?.get(i) as AppendOutcome);
      at += append.logs.length;
    }
  }

  /** It is not, or nobody knows: every append that was not settled gets the fault. */
  failed(message: string): void {
    for (let i = 0; i < this.#appends.length; i++)
      if (this.#memory.fates.at(i) !== early) this.#appends[i]?.settled(fail("storage_unavailable", message, 1000));
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
  return { ok: true, duplicate: true, durability: "fsync", id, ts, bytes: 0, positions: current, entries: [] };
}
