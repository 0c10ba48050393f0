/**
 * Everything that is open together while a store is: LevelDB, the journal, the files, and the logs in memory. Made by
 * opening a directory, which recovers what a crash left; given up as a whole when the disk fails (`kept-store.ts`).
 */
import { join } from "node:path";
import type { LogName } from "@parley/protocol";
import { backUp, removeBackupLinks } from "./backup.ts";
import { Checkpoint } from "./checkpoint.ts";
import { ChunkFiles } from "./chunk-files.ts";
import { ChunkIndex } from "./chunk-index.ts";
import type { CommitStep } from "./commit.ts";
import type { Database } from "./database.ts";
import { DedupeIndex } from "./dedupe-index.ts";
import type { Journal } from "./journal.ts";
import { openJournal } from "./journal-files.ts";
import { keys } from "./keys.ts";
import { type HeadRecord, LogState } from "./log-state.ts";
import { journalDirectory, openDatabase, refusal } from "./open-store.ts";
import { Records } from "./records.ts";
import { replayJournal } from "./recovery.ts";
import { CorruptStore, unseal } from "./seal.ts";
import { Slabs } from "./slabs.ts";
import { Trimming } from "./trimming.ts";
import { Volumes } from "./volumes.ts";

export interface StoreOptions {
  readonly directory: string;
  /** Makes the random epoch of a new store. */
  readonly newEpoch: () => string;
  /** Bytes of pointers after which they go to the next volume. */
  readonly volumeBytes?: number;
  readonly onStep?: (step: CommitStep) => void;
}

export class Store {
  readonly journal: Journal;
  readonly records: Records;
  readonly dedupe: DedupeIndex;
  readonly files: ChunkFiles;
  readonly index: ChunkIndex;
  readonly checkpoint: Checkpoint;
  readonly trimming: Trimming;
  readonly logs: Map<LogName, LogState>;
  readonly #db: Database;
  readonly #slabs: Slabs;
  /** Of logs that are new. */
  readonly #epoch: string;

  private constructor(
    parts: Pick<Store, "journal" | "records" | "dedupe" | "files" | "index" | "checkpoint" | "trimming" | "logs">,
    db: Database,
    slabs: Slabs,
    epoch: string,
  ) {
    this.journal = parts.journal;
    this.records = parts.records;
    this.dedupe = parts.dedupe;
    this.files = parts.files;
    this.index = parts.index;
    this.checkpoint = parts.checkpoint;
    this.trimming = parts.trimming;
    this.logs = parts.logs;
    this.#db = db;
    this.#slabs = slabs;
    this.#epoch = epoch;
  }

  /** Opens or makes the store in `options.directory`. Rejects with `StoreRefused`. */
  static async open(options: StoreOptions): Promise<Store> {
    const { db, epoch } = await openDatabase(options.directory, options.newEpoch);
    try {
      await removeBackupLinks(options.directory);
      return await Store.#recover(options, db, epoch);
    } catch (error) {
      await db.close();
      throw refusal(options.directory, error);
    }
  }

  static async #recover(
    { directory, volumeBytes, onStep = () => {} }: StoreOptions,
    db: Database,
    epoch: string,
  ): Promise<Store> {
    const records = new Records(db);
    const volumes = await Volumes.load(db, volumeBytes);
    const index = new ChunkIndex(db, volumes);
    const files = await ChunkFiles.load(join(directory, "chunks"), db);
    const dedupe = await DedupeIndex.load(db, join(directory, "receipts"));
    const stored = await db.get(keys.journalStart);
    if (!stored) throw new CorruptStore("it does not say where its journal begins");
    const start = Number(unseal(stored, keys.journalStart));
    const slabs = new Slabs();
    const { journal, records: commits } = await openJournal(journalDirectory(directory), start, slabs);
    const { logs, bytes } = await replayJournal(commits, records, dedupe, slabs, (log) =>
      restore(log, records, index, slabs),
    );
    const checkpoint = new Checkpoint(
      { db, journal, records, dedupe, files, index, volumes, slabs, onStep },
      logs.values(),
      bytes,
    );
    const trimming = new Trimming(db, files, index);
    return new Store({ journal, records, dedupe, files, index, checkpoint, trimming, logs }, db, slabs, epoch);
  }

  /** The log's state, from the disk if it is not in memory. */
  async load(name: LogName): Promise<LogState> {
    const loaded = this.logs.get(name);
    if (loaded) return loaded;
    const state =
      (await restore(name, this.records, this.index, this.#slabs)) ?? new LogState(name, this.#epoch, this.#slabs);
    state.skipReserved();
    const raced = this.logs.get(name);
    if (raced) return raced;
    this.logs.set(name, state);
    return state;
  }

  /** The bytes of a backup of all that was written before; see `backup.ts`. Commits may go on meanwhile. */
  backup(): AsyncGenerator<Buffer> {
    return backUp(this.#db, this.journal);
  }

  /** Lets go of everything, when the checkpoint under way has ended; what is in the journal stays there. */
  async close(): Promise<void> {
    await this.checkpoint.stopped();
    await this.trimming.stopped();
    await this.journal.close();
    await this.files.close();
    await this.dedupe.close();
    await this.#db.close();
  }
}

/** The log as its record and its last pointer tell; undefined where it has no record. */
async function restore(
  name: LogName,
  records: Records,
  index: ChunkIndex,
  slabs: Slabs,
): Promise<LogState | undefined> {
  const record = await records.get(keys.head(name));
  if (record === undefined) return undefined;
  const last = await index.locate(name, Number.MAX_SAFE_INTEGER);
  return LogState.restore(name, JSON.parse(record) as HeadRecord, last, slabs);
}
