/**
 * The embedded engine: LevelDB for what is small, files of its own for messages (docs/adr/0005-value-files.md). An append
 * goes, with all others of its turn and those that come while a commit is under way, into one record of the journal
 * (docs/adr/0002-group-commit.md). One commit is in flight at a time. Hot path: `npm run bench`.
 */
import { fail, type LogName } from "@parley/protocol";
import {
  type Append,
  type CursorWrite,
  type Direction,
  defaultReadBytes,
  type EngineFigures,
  type EngineMeter,
  type Head,
  type ObservableEngine,
  type RecordKind,
  type RecordKinds,
  type RecordPage,
  type RecordWrite,
  StorageUnavailable,
} from "../engine.ts";
import type { Entry } from "../entry.ts";
import { AppendQueue } from "./append-queue.ts";
import { Commit, CommitMemory, nothingPrepared } from "./commit.ts";
import { prepare } from "./commit-preparation.ts";
import { emptyBody } from "./journal.ts";
import { KeptStore, type KeptStoreOptions, reopenDelayMs } from "./kept-store.ts";
import { keys } from "./keys.ts";
import { LazyCursors } from "./lazy-cursors.ts";
import { offsetOf, readLog } from "./log-reader.ts";
import type { LogState } from "./log-state.ts";
import type { Store } from "./store.ts";

export interface LevelOptions extends KeptStoreOptions {
  /** Journal bytes after which a checkpoint begins. Bounds memory and the time to open. */
  readonly checkpointBytes?: number;
  /** How long a cursor may wait for a commit to go with. */
  readonly lazyMs?: number;
  readonly meter?: EngineMeter;
}

/** Records, and logs whose own record has changed, that are to be written with the next commit. */
interface PendingWrite {
  readonly records: readonly RecordWrite[];
  readonly heads: readonly LogState[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Appends of at most this many payload characters go into one commit, so that one batch never blocks for long. */
const commitChars = 4 * 1024 * 1024;
const defaultCheckpointBytes = 16 * 1024 * 1024;
const defaultLazyMs = 500;

export class LevelEngine implements ObservableEngine {
  readonly #kept: KeptStore;
  readonly #onStep: NonNullable<LevelOptions["onStep"]>;
  readonly #checkpointBytes: number;
  readonly #meter: EngineMeter | undefined;
  readonly #cursors: LazyCursors;
  readonly #listeners: ((log: LogName, seq: number) => void)[] = [];
  readonly #memory = new CommitMemory();
  readonly #appends = new AppendQueue(commitChars);
  #writes: PendingWrite[] = [];
  #running: Promise<void> | undefined;
  #scheduled = false;
  #closed = false;

  private constructor(kept: KeptStore, options: LevelOptions) {
    this.#kept = kept;
    this.#onStep = options.onStep ?? (() => {});
    this.#checkpointBytes = options.checkpointBytes ?? defaultCheckpointBytes;
    this.#meter = options.meter;
    this.#cursors = new LazyCursors(options.lazyMs ?? defaultLazyMs, () => this.#schedule());
  }

  /** Opens or makes the store in `options.directory`. Rejects with `StoreRefused`. */
  static async open(options: LevelOptions): Promise<LevelEngine> {
    return new LevelEngine(await KeptStore.open(options), options);
  }

  get #store(): Store {
    return this.#kept.current;
  }

  append(append: Append): void {
    if (this.#closed || this.#kept.fault) {
      append.settled(this.#unavailable());
      return;
    }
    this.#appends.push(append);
    this.#schedule();
  }

  #unavailable() {
    return fail(
      "storage_unavailable",
      this.#kept.fault ? "the disk refuses to store; try again" : "the store is closed",
      reopenDelayMs,
    );
  }

  /** Everything that arrives in this turn of the event loop shares a commit. */
  #schedule(): void {
    if (this.#scheduled || this.#running || this.#closed || this.#kept.fault) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#running = this.#commit(this.#appends.take()).finally(() => {
        this.#running = undefined;
        if (this.#appends.length > 0 || this.#writes.length > 0 || this.#cursors.due) this.#schedule();
      });
    });
  }

  async #commit(appends: readonly Append[]): Promise<void> {
    const store = this.#store;
    const { since } = this.#appends;
    const began = performance.now();
    let syncMs: number | undefined;
    const writes = this.#writes;
    this.#writes = [];
    const records: RecordWrite[] = writes.flatMap((write) => write.records);
    // Cursors that were told before a record was written are not to be older than it after a crash.
    for (const cursor of this.#cursors.take(writes.length > 0)) records.push(cursor);
    let commit: Commit | undefined;
    try {
      const prepared = await prepare(store, appends);
      commit = new Commit(this.#memory, store.logs, prepared);
      commit.add(appends);
      for (const { heads } of writes) for (const log of heads) commit.headChanged(log);
      syncMs = await this.#write(store, commit, records, writes.length > 0);
    } catch (error) {
      this.#cursors.notWritten();
      this.#fail(error instanceof Error ? error : new Error(String(error)), commit, appends, writes);
      return;
    }
    this.#cursors.written();
    const commitMs = performance.now() - began;
    commit.succeeded();
    if (appends.length > 0)
      this.#meter?.committed({ appends: appends.length, settleMs: performance.now() - since, commitMs, syncMs });
    for (const { resolve } of writes) resolve();
    this.#onStep("after-reply");
    for (const listener of this.#listeners) tellTails(commit.touched, listener);
    if (store.checkpoint.due(this.#checkpointBytes)) this.#startCheckpoint(store);
    await store.checkpoint.catchUp(2 * this.#checkpointBytes);
  }

  /** `promised`: the records are to be on disk when this resolves. Resolves with how long the sync took, if there was one. */
  async #write(
    { journal, records: stored, dedupe, checkpoint }: Store,
    commit: Commit,
    records: readonly RecordWrite[],
    promised: boolean,
  ): Promise<number | undefined> {
    const sync = promised || commit.needsSync;
    const body = commit.body(records) ?? (sync && journal.behind ? emptyBody : undefined);
    if (!body) return undefined;
    this.#onStep("before-write");
    const { bytes, syncMs, receipts, contents } = await journal.append(body, sync);
    this.#onStep("after-write");
    commit.written(contents);
    stored.apply(body.changes);
    dedupe.add(commit.hashes, receipts);
    checkpoint.journalGrew(commit.touched, bytes, commit.stored);
    return syncMs;
  }

  /** Nobody knows what of the commit reached the disk: its senders get an error, and the store is opened anew. */
  #fail(error: Error, commit: Commit | undefined, appends: readonly Append[], writes: readonly PendingWrite[]): void {
    this.#kept.failed(error);
    const outcome = this.#unavailable();
    if (commit) commit.failed(outcome.fault.message);
    else for (const append of appends) append.settled(outcome);
    for (const append of this.#appends.takeAll()) append.settled(outcome);
    for (const { reject } of [...writes, ...this.#writes.splice(0)])
      reject(new StorageUnavailable(error.message, { cause: error }));
  }

  #startCheckpoint(store: Store): void {
    const began = performance.now();
    const { bytes } = store.journal;
    const moved = store.checkpoint.run().then(() => this.#meter?.checkpointed(performance.now() - began, bytes));
    moved.catch((error: Error) => {
      if (!this.#closed && !this.#kept.fault && store === this.#store) this.#fail(error, undefined, [], []);
    });
  }

  async read(
    name: LogName,
    from: number,
    direction: Direction,
    limit: number,
    maxBytes = defaultReadBytes,
  ): Promise<Entry[]> {
    return this.#guard(async (store) => {
      const log = await store.load(name);
      return store.files.reading(() => readLog(store, log, from, direction, limit, maxBytes));
    });
  }

  async head(name: LogName): Promise<Head> {
    return this.#guard(async (store) => (await store.load(name)).head);
  }

  async logs(after: string, limit: number): Promise<LogName[]> {
    const prefix = keys.head("");
    const found = await this.#guard(({ records }) => records.scan(prefix, keys.head(after), limit));
    return found.map(([key]) => key.slice(prefix.length) as LogName);
  }

  async trim(name: LogName, first: number): Promise<void> {
    await this.#guard(async (store) => {
      const log = await store.load(name);
      const target = Math.min(first, log.settled + 1);
      if (target <= log.first) return;
      const trimmedBytes = await store.files.reading(() => offsetOf(store, log, target));
      // Another trim may have come further meanwhile.
      if (target <= log.first) return;
      log.first = target;
      log.trimmedBytes = trimmedBytes;
      await this.#pend([], [log]);
      await store.trimming.trimmed(log);
    });
  }

  async expireDedupe(beforeTs: number): Promise<void> {
    await this.#guard(({ dedupe }) => dedupe.expire(beforeTs));
  }

  write(records: readonly RecordWrite[]): Promise<void> {
    for (const { key } of records) this.#cursors.overtaken(key);
    return this.#pend(records, []);
  }

  /** Writes with the next commit; resolves when that is on disk. */
  #pend(records: readonly RecordWrite[], heads: readonly LogState[]): Promise<void> {
    if (this.#closed || this.#kept.fault)
      return Promise.reject(new StorageUnavailable(this.#unavailable().fault.message));
    return new Promise((resolve, reject) => {
      this.#writes.push({ records, heads, resolve, reject });
      this.#schedule();
    });
  }

  commitCursor(record: CursorWrite): void {
    if (!this.#closed) this.#cursors.add(record);
  }

  async scan<K extends RecordKind>(
    kind: K,
    prefix: string,
    { after = "", limit = Number.POSITIVE_INFINITY }: RecordPage = {},
  ): Promise<(readonly [string, RecordKinds[K]])[]> {
    const start = keys.record(kind, "");
    // Cursors on their way may delete what is stored, which must not shorten the page.
    const enough = kind === "cursor" ? Number.POSITIVE_INFINITY : limit;
    const stored = await this.#guard(({ records }) => records.scan(start + prefix, start + after, enough));
    const found = new Map(stored.map(([key, text]) => [key.slice(start.length), JSON.parse(text) as RecordKinds[K]]));
    if (kind === "cursor") {
      for (const { key, value } of this.#cursors.pending(prefix)) {
        if (value === undefined) found.delete(key);
        else if (key > after) found.set(key, { ...value } as RecordKinds[K]);
      }
    }
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, limit);
  }

  subscribe(listener: (log: LogName, seq: number) => void): void {
    this.#listeners.push(listener);
  }

  async *backup(): AsyncGenerator<Buffer> {
    // What was settled early, for `memory`, is written with this.
    await this.write([]);
    try {
      yield* this.#store.backup();
    } catch (error) {
      throw unavailable(error);
    }
  }

  figures(): EngineFigures {
    const { journal, checkpoint, logs } = this.#store;
    return {
      fault: this.#closed ? "the store is closed" : this.#kept.fault?.message,
      waitingAppends: this.#appends.length,
      journalBytes: journal.bytes,
      checkpointing: checkpoint.running,
      logsInMemory: logs.size,
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#cursors.stop();
    while (this.#running || this.#scheduled || this.#appends.length > 0 || this.#writes.length > 0) {
      if (this.#kept.fault) break;
      await (this.#running ?? new Promise(setImmediate));
    }
    this.#closed = true;
    for (const append of this.#appends.takeAll()) append.settled(this.#unavailable());
    if (!this.#kept.fault) await this.#writeLast(this.#store);
    await this.#kept.close();
  }

  /** The cursors that wait, and seqs that were set aside and not used; a last record vouches for those before it. */
  async #writeLast(store: Store): Promise<void> {
    const commit = new Commit(this.#memory, store.logs, nothingPrepared);
    for (const log of store.logs.values()) {
      if (log.reserved <= log.tail) continue;
      log.reserved = log.tail;
      commit.headChanged(log);
    }
    await this.#write(store, commit, [...this.#cursors.take(true)], true);
    await store.journal.append(emptyBody, true);
  }

  /** Turns any failure of the store into `StorageUnavailable`. */
  async #guard<T>(work: (store: Store) => Promise<T>): Promise<T> {
    try {
      return await work(this.#store);
    } catch (error) {
      throw unavailable(error);
    }
  }
}

/** A function of its own: `#commit` runs once a commit and is not compiled well for long. */
function tellTails(logs: readonly LogState[], listener: (log: LogName, seq: number) => void): void {
  for (const { name, settled } of logs) listener(name, settled);
}

function unavailable(error: unknown): StorageUnavailable {
  return new StorageUnavailable(error instanceof Error ? error.message : String(error), { cause: error });
}
