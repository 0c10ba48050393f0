/**
 * The embedded engine, on LevelDB. An append goes, with all others of its turn and those that come while a commit is
 * under way, into one synced batch (the journal: docs/adr/0002-group-commit.md); a checkpoint moves entries from the
 * journal to per-log chunks in the background. One commit is in flight at a time. Hot path: `npm run bench`.
 */
import { fail, type LogName } from "@parley/protocol";
import {
  type Append,
  type Direction,
  defaultReadBytes,
  type Engine,
  type Head,
  type RecordKind,
  type RecordKinds,
  type RecordWrite,
  StorageUnavailable,
} from "../engine.ts";
import type { Entry } from "../entry.ts";
import { hashKey, type KeyHash } from "./bloom.ts";
import { Checkpoint } from "./checkpoint.ts";
import { keys, prefixRange, type Receipt, unseal } from "./codec.ts";
import { Commit, type CommitStep } from "./commit.ts";
import { DedupeIndex } from "./dedupe-index.ts";
import { type Chunks, chunkAt, offsetOf, readLog } from "./log-reader.ts";
import { type HeadRecord, LogState } from "./log-state.ts";
import { createDatabase, type Database, openStore, refusal } from "./open-store.ts";
import { replayJournal } from "./recovery.ts";
import { Volumes } from "./volumes.ts";

export interface LevelOptions {
  readonly directory: string;
  /** Makes the random epoch of a new store. */
  readonly newEpoch: () => string;
  /** Journal bytes after which a checkpoint begins. Bounds memory and the time to open. */
  readonly checkpointBytes?: number;
  /** Bytes of chunks after which they go to the next volume. */
  readonly volumeBytes?: number;
  /** How long a cursor may wait for a commit to go with. */
  readonly lazyMs?: number;
  readonly onStep?: (step: CommitStep) => void;
  /** Told of faults of the disk, and of their end (`undefined`). */
  readonly onFault?: (fault: Error | undefined) => void;
}

interface PendingWrite {
  readonly records: readonly RecordWrite[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** What has to be known before seqs are given out. */
interface Prepared {
  /** Of the dedupe keys, by append. */
  readonly hashes: readonly (KeyHash | undefined)[];
  /** Receipts of earlier appends that some of these repeat, by dedupe key. */
  readonly repeats: ReadonlyMap<string, Receipt>;
}

/** Appends of at most this many payload characters go into one commit, so that one batch never blocks for long. */
const commitChars = 4 * 1024 * 1024;
const defaultCheckpointBytes = 16 * 1024 * 1024;
const reopenDelayMs = 1000;
const defaultLazyMs = 500;

export class LevelEngine implements Engine {
  readonly #options: LevelOptions;
  readonly #db: Database;
  readonly #listeners: ((log: LogName, seq: number) => void)[] = [];
  readonly #logs = new Map<LogName, LogState>();
  readonly #onStep: (step: CommitStep) => void;
  readonly #checkpointBytes: number;
  #dedupe: DedupeIndex;
  #volumes: Volumes | undefined;
  #checkpointing: Checkpoint | undefined;
  /** Of logs that are new: random, made with the store. */
  #epoch = "";
  #journalNext = 1;
  #appends: Append[] = [];
  #writes: PendingWrite[] = [];
  /** Cursors that wait for a commit, and those of the commit under way. */
  #cursors = new Map<string, RecordWrite>();
  #cursorsInFlight: ReadonlyMap<string, RecordWrite> = new Map();
  #lazyTimer: NodeJS.Timeout | undefined;
  #cursorsDue = false;
  #running: Promise<void> | undefined;
  #scheduled = false;
  #fault: Error | undefined;
  #closed = false;

  private constructor(options: LevelOptions, db: Database) {
    this.#options = options;
    this.#db = db;
    this.#onStep = options.onStep ?? (() => {});
    this.#checkpointBytes = options.checkpointBytes ?? defaultCheckpointBytes;
    this.#dedupe = new DedupeIndex(db);
  }

  /** Opens or makes the store in `options.directory`. Rejects with `StoreRefused`. */
  static async open(options: LevelOptions): Promise<LevelEngine> {
    const engine = new LevelEngine(options, createDatabase(options.directory));
    await engine.#open();
    return engine;
  }

  async #open(): Promise<void> {
    this.#epoch = await openStore(this.#db, this.#options.newEpoch);
    try {
      this.#logs.clear();
      const volumes = await Volumes.load(this.#db, this.#options.volumeBytes);
      this.#volumes = volumes;
      this.#dedupe = await DedupeIndex.load(this.#db);
      const journal = await replayJournal(this.#db, this.#dedupe, (log) => this.#restore(log));
      for (const [name, log] of journal.logs) {
        log.skipReserved();
        this.#logs.set(name, log);
      }
      this.#journalNext = journal.next;
      this.#checkpointing = new Checkpoint(
        this.#db,
        this.#dedupe,
        volumes,
        this.#onStep,
        journal.logs.values(),
        journal.start,
        journal.bytes,
      );
    } catch (error) {
      await this.#db.close();
      throw refusal(this.#options.directory, error);
    }
  }

  /** There from `#open` on. */
  get #checkpoint(): Checkpoint {
    if (!this.#checkpointing) throw new StorageUnavailable("the store is not open");
    return this.#checkpointing;
  }

  get #chunks(): Chunks {
    return { db: this.#db, volumes: this.#volumes?.numbers ?? [] };
  }

  append(append: Append): void {
    if (this.#closed || this.#fault) {
      append.settled(this.#unavailable());
      return;
    }
    this.#appends.push(append);
    this.#schedule();
  }

  #unavailable() {
    return fail(
      "storage_unavailable",
      this.#fault ? "the disk refuses to store; try again" : "the store is closed",
      reopenDelayMs,
    );
  }

  /** Everything that arrives in this turn of the event loop shares a commit. */
  #schedule(): void {
    if (this.#scheduled || this.#running) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#running = this.#commit().finally(() => {
        this.#running = undefined;
        if (this.#appends.length > 0 || this.#writes.length > 0 || this.#cursorsDue) this.#schedule();
      });
    });
  }

  async #commit(): Promise<void> {
    await this.#checkpoint.catchUp(2 * this.#checkpointBytes);
    const appends = this.#takeAppends();
    const writes = this.#writes;
    this.#writes = [];
    const cursors = this.#takeCursors();
    let commit: Commit | undefined;
    try {
      const { hashes, repeats } = await this.#prepare(appends);
      commit = new Commit(this.#logs, repeats);
      for (let i = 0; i < appends.length; i++) commit.add(appends[i] as Append, hashes[i]);
      await this.#write(commit, [...writes.flatMap(({ records }) => records), ...cursors.values()], writes.length > 0);
    } catch (error) {
      for (const [key, record] of cursors) if (!this.#cursors.has(key)) this.#cursors.set(key, record);
      this.#fail(error instanceof Error ? error : new Error(String(error)), commit, appends, writes);
      return;
    }
    this.#cursorsInFlight = noRecords;
    commit.succeeded();
    for (const { resolve } of writes) resolve();
    this.#onStep("after-reply");
    for (const log of commit.touched) for (const listener of this.#listeners) listener(log.name, log.settled);
    if (this.#checkpoint.due(this.#checkpointBytes)) this.#startCheckpoint();
  }

  #takeAppends(): Append[] {
    let chars = 0;
    const end = this.#appends.findIndex(({ payload }) => {
      chars += payload.length;
      return chars > commitChars;
    });
    if (end === -1) {
      const all = this.#appends;
      this.#appends = [];
      return all;
    }
    return this.#appends.splice(0, Math.max(1, end));
  }

  /** Loads what seqs and repeats are decided by. Nothing to wait for where the logs are in memory and the keys are new. */
  async #prepare(appends: readonly Append[]): Promise<Prepared> {
    const missing = new Set<LogName>();
    const doubtful = new Map<string, KeyHash>();
    const repeats = new Map<string, Receipt>();
    const hashes: (KeyHash | undefined)[] = [];
    for (const { logs, dedupeKey } of appends) {
      for (const log of logs) if (!this.#logs.has(log)) missing.add(log);
      const hash = dedupeKey === undefined ? undefined : hashKey(dedupeKey);
      hashes.push(hash);
      if (dedupeKey === undefined || !hash) continue;
      const recent = this.#dedupe.recent(dedupeKey, hash);
      if (recent) repeats.set(dedupeKey, recent);
      else if (this.#dedupe.mayBeOnDisk(hash)) doubtful.set(dedupeKey, hash);
    }
    if (missing.size > 0) await Promise.all([...missing].map((log) => this.#load(log)));
    for (const [key, hash] of doubtful) {
      const found = await this.#dedupe.lookUp(key, hash);
      if (found) repeats.set(key, found);
    }
    return { hashes, repeats };
  }

  async #write(commit: Commit, records: readonly RecordWrite[], promised: boolean): Promise<void> {
    const { operations, journal } = commit.operations(this.#journalNext, records);
    if (operations.length === 0) return;
    this.#onStep("before-write");
    await this.#db.batch(operations, { sync: promised || commit.needsSync });
    this.#onStep("after-write");
    if (!journal) return;
    this.#journalNext += 1;
    this.#dedupe.add(commit.hashes, journal.receipts);
    this.#checkpoint.journalGrew(commit.touched, journal.value.length);
  }

  /** Nobody knows what of the commit reached the disk: its senders get an error, and the store is opened anew. */
  #fail(error: Error, commit: Commit | undefined, appends: readonly Append[], writes: readonly PendingWrite[]): void {
    this.#fault = error;
    const outcome = this.#unavailable();
    if (commit) commit.failed(outcome.fault.message);
    else for (const append of appends) append.settled(outcome);
    for (const append of this.#appends.splice(0)) append.settled(outcome);
    for (const { reject } of [...writes, ...this.#writes.splice(0)])
      reject(new StorageUnavailable(error.message, { cause: error }));
    this.#options.onFault?.(error);
    this.#reopenSoon();
  }

  #reopenSoon(): void {
    setTimeout(async () => {
      if (this.#closed) return;
      try {
        await this.#checkpoint.stopped();
        await this.#db.close();
        await this.#open();
        this.#fault = undefined;
        this.#options.onFault?.(undefined);
      } catch {
        this.#reopenSoon();
      }
    }, reopenDelayMs).unref();
  }

  #startCheckpoint(): void {
    this.#checkpoint.run(this.#journalNext - 1).catch((error: Error) => {
      if (!this.#closed && !this.#fault) this.#fail(error, undefined, [], []);
    });
  }

  async #load(name: LogName): Promise<LogState> {
    const loaded = this.#logs.get(name);
    if (loaded) return loaded;
    const state = await this.#restore(name);
    state.skipReserved();
    const raced = this.#logs.get(name);
    if (raced) return raced;
    this.#logs.set(name, state);
    return state;
  }

  /** The log as its record and its chunks tell, the journal left out. */
  async #restore(name: LogName): Promise<LogState> {
    const key = keys.head(name);
    const [value, last] = await Promise.all([this.#db.get(key), chunkAt(this.#chunks, name, Number.MAX_SAFE_INTEGER)]);
    if (!value) return new LogState(name, this.#epoch);
    return LogState.restore(name, JSON.parse(unseal(value, key)) as HeadRecord, last);
  }

  async read(
    name: LogName,
    from: number,
    direction: Direction,
    limit: number,
    maxBytes = defaultReadBytes,
  ): Promise<Entry[]> {
    return this.#guard(async () => readLog(this.#chunks, await this.#load(name), from, direction, limit, maxBytes));
  }

  async head(name: LogName): Promise<Head> {
    return this.#guard(async () => (await this.#load(name)).head);
  }

  async logs(after: string, limit: number): Promise<LogName[]> {
    const prefix = keys.head("");
    const range = { gt: keys.head(after), lt: prefixRange(prefix).lt, limit };
    return this.#guard(async () =>
      (await this.#db.keys(range).all()).map((key) => key.slice(prefix.length) as LogName),
    );
  }

  async trim(name: LogName, first: number): Promise<void> {
    await this.#guard(async () => {
      const state = await this.#load(name);
      const target = Math.min(first, state.settled + 1);
      if (target <= state.first) return;
      state.trimmedBytes = await offsetOf(this.#chunks, state, target);
      state.first = target;
      await this.#checkpoint.dropChunks(state);
    });
  }

  async expireDedupe(beforeTs: number): Promise<void> {
    await this.#guard(() => this.#dedupe.expire(beforeTs));
  }

  write(records: readonly RecordWrite[]): Promise<void> {
    if (this.#closed || this.#fault) return Promise.reject(new StorageUnavailable(this.#unavailable().fault.message));
    for (const { key } of records) this.#cursors.delete(key);
    return new Promise((resolve, reject) => {
      this.#writes.push({ records, resolve, reject });
      this.#schedule();
    });
  }

  commitCursor(record: Extract<RecordWrite, { kind: "cursor" }>): void {
    if (this.#closed) return;
    this.#cursors.set(record.key, record);
    this.#lazyTimer ??= setTimeout(() => {
      this.#lazyTimer = undefined;
      this.#cursorsDue = true;
      if (!this.#fault && !this.#closed) this.#schedule();
    }, this.#options.lazyMs ?? defaultLazyMs);
  }

  /** The cursors to go with this commit: all, from time to time, so that acks cost no write each. */
  #takeCursors(): ReadonlyMap<string, RecordWrite> {
    if (!this.#cursorsDue) return noRecords;
    this.#cursorsDue = false;
    this.#cursorsInFlight = this.#cursors;
    this.#cursors = new Map();
    return this.#cursorsInFlight;
  }

  async scan<K extends RecordKind>(kind: K, prefix: string): Promise<(readonly [string, RecordKinds[K]])[]> {
    const start = keys.record(kind, "");
    const stored = await this.#guard(() => this.#db.iterator(prefixRange(start + prefix)).all());
    const found = new Map(
      stored.map(([key, value]) => [key.slice(start.length), JSON.parse(value.toString()) as RecordKinds[K]]),
    );
    for (const [key, record] of [...this.#cursorsInFlight, ...this.#cursors]) {
      if (record.kind !== kind || !key.startsWith(prefix)) continue;
      if (record.value === undefined) found.delete(key);
      else found.set(key, record.value as RecordKinds[K]);
    }
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  subscribe(listener: (log: LogName, seq: number) => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    clearTimeout(this.#lazyTimer);
    while (this.#running || this.#scheduled || this.#appends.length > 0) {
      if (this.#fault) break;
      await (this.#running ?? new Promise(setImmediate));
    }
    this.#closed = true;
    for (const append of this.#appends.splice(0)) append.settled(this.#unavailable());
    if (!this.#fault) {
      if (this.#cursors.size > 0)
        await this.#write(new Commit(this.#logs, noReceipts), [...this.#cursors.values()], true);
      await this.#checkpoint.close(this.#logs.values());
    }
    await this.#db.close();
  }

  /** Turns any failure of the database into `StorageUnavailable`. */
  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw new StorageUnavailable(error instanceof Error ? error.message : String(error), { cause: error });
    }
  }
}

const noRecords: ReadonlyMap<string, RecordWrite> = new Map();
const noReceipts: ReadonlyMap<string, Receipt> = new Map();
