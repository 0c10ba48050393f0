/**
 * Moves what the journal holds to where it stays, in the background and in bounded steps: entries to a chunk file, their
 * pointers and the small records to LevelDB, receipts to a file of theirs; then drops the journal's files. What is pointed
 * to is on disk before its pointer, and the journal goes last: a crash anywhere leaves the journal to do it again, and
 * entries that a pointer already leads to are known by their seq (docs/adr/0005-value-files.md).
 */
import { addChunk } from "./chunk.ts";
import type { ChunkFiles } from "./chunk-files.ts";
import type { ChunkIndex } from "./chunk-index.ts";
import type { CommitStep } from "./commit.ts";
import type { Database, Operation } from "./database.ts";
import type { DedupeIndex } from "./dedupe-index.ts";
import type { Journal } from "./journal.ts";
import { keys } from "./keys.ts";
import type { LogState } from "./log-state.ts";
import type { Records } from "./records.ts";
import { seal } from "./seal.ts";
import type { Slabs } from "./slabs.ts";
import type { Volumes } from "./volumes.ts";

const stepBytes = 128 * 1024;
const behindStepBytes = 1024 * 1024;
const stepOperations = 256;
/**
 * From this size on messages count so many times as much: a few fill a chunk, so that a checkpoint of few of them is as good as
 * one of many, and costs less memory.
 */
const largeBytes = 8 * 1024;
const largeFactor = 8;
/**
 * After a step the checkpoint rests as long as the step took, times this, so that commits find disk and core free; but
 * not when the journal has grown by much meanwhile: memory is bounded by its size.
 */
const restFactor = 1;
const maxRestMs = 50;

/** What a checkpoint moves, and where to. */
export interface CheckpointParts {
  readonly db: Database;
  readonly journal: Journal;
  readonly records: Records;
  readonly dedupe: DedupeIndex;
  readonly files: ChunkFiles;
  readonly index: ChunkIndex;
  readonly volumes: Volumes;
  /** Where the journal keeps its records. */
  readonly slabs: Slabs;
  readonly onStep: (step: CommitStep) => void;
}

export class Checkpoint {
  readonly #parts: CheckpointParts;
  /** The logs with entries that only the journal has: those that are `dirty`. */
  #dirty: LogState[] = [];
  #journalBytes: number;
  #running: Promise<void> | undefined;
  #hurried = false;
  /** Journal bytes, beside those it moves, above which a checkpoint takes long steps and does not rest. */
  #restLimit = 0;
  #stepBegan = 0;

  /** `dirty` are the logs with entries in the journal, which has `journalBytes`. */
  constructor(parts: CheckpointParts, dirty: Iterable<LogState>, journalBytes: number) {
    this.#parts = parts;
    for (const log of dirty) this.#add(log);
    this.#journalBytes = journalBytes;
  }

  /** A commit of so many appends to these logs is in the journal. */
  journalGrew(touched: Iterable<LogState>, bytes: number, appends: number): void {
    for (const log of touched) this.#add(log);
    this.#journalBytes += bytes > Math.max(1, appends) * largeBytes ? bytes * largeFactor : bytes;
  }

  #add(log: LogState): void {
    if (log.dirty) return;
    log.dirty = true;
    this.#dirty.push(log);
  }

  get running(): boolean {
    return this.#running !== undefined;
  }

  due(limitBytes: number): boolean {
    return this.#journalBytes > limitBytes && this.#running === undefined;
  }

  get #behind(): boolean {
    return this.#hurried || this.#journalBytes > this.#restLimit;
  }

  /** Waits for the checkpoint under way if more than `limitBytes` have come since it began: memory is bounded. */
  async catchUp(limitBytes: number): Promise<void> {
    if (this.#journalBytes > limitBytes) await this.#running?.catch(() => {});
  }

  /** Moves everything that the journal has. No commit may be under way at the call; they may go on after it. */
  run(): Promise<void> {
    const { journal, records, dedupe, slabs } = this.#parts;
    const upTo = journal.last;
    const logs = this.#dirty;
    this.#dirty = [];
    for (const log of logs) log.dirty = false;
    this.#restLimit = this.#journalBytes / 2;
    this.#journalBytes = 0;
    journal.cut();
    records.startFlush();
    dedupe.startFlush();
    for (const log of logs) log.startFlush();
    this.#running = this.#run(logs, upTo, slabs.cut()).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(logs: readonly LogState[], upTo: number, memory: readonly number[]): Promise<void> {
    const { journal, records, dedupe, volumes, files, slabs, db, onStep } = this.#parts;
    this.#stepBegan = performance.now();
    const pointerBytes = logs.length > 0 ? await this.#moveEntries(logs) : 0;
    const last = await dedupe.write(upTo, () => this.#rest());
    onStep("checkpoint-receipts");
    await this.#moveRecords();
    await journal.begun();
    const { put, filled } = volumes.after(pointerBytes);
    const start: Operation = { type: "put", key: keys.journalStart, value: seal(String(upTo + 1)) };
    // Synced, and with it all that was written to LevelDB before.
    await db.batch([...last, put, start], { sync: true });
    filled();
    onStep("checkpoint-end");
    for (const log of logs) log.flushed();
    records.flushed();
    dedupe.flushed();
    // Reads that began before look into it still.
    await files.readsEnded();
    slabs.free(memory);
    await journal.dropBefore(upTo + 1);
    onStep("checkpoint-dropped");
  }

  /** Writes chunks and then what points to them, step by step. Returns the size of the pointers. */
  async #moveEntries(logs: readonly LogState[]): Promise<number> {
    const { db, files, index, volumes, onStep } = this.#parts;
    const { file, writer } = await files.begin();
    let pointers: Operation[] = [];
    let pointerBytes = 0;
    const step = async () => {
      const bytes = writer.collected;
      await writer.flush();
      onStep("checkpoint-chunks");
      file.bytes = writer.size;
      file.live += bytes;
      await db.batch([...pointers, files.operation(file)]);
      onStep("checkpoint-pointers");
      pointers = [];
      await this.#rest();
    };
    try {
      for (const log of logs) {
        for (const chunk of log.chunks()) {
          const at = writer.size;
          const length = addChunk(writer, log.name, chunk);
          const operation = index.put(log.name, {
            volume: volumes.current,
            firstSeq: chunk.held.seqAt(chunk.from) as number,
            count: chunk.to - chunk.from,
            offset: chunk.offset,
            bytes: chunk.bytes,
            file: file.number,
            at,
            length,
          });
          pointers.push(operation);
          pointerBytes += operation.key.length + pointerValueBytes;
          if (writer.collected >= (this.#behind ? behindStepBytes : stepBytes)) await step();
        }
      }
      if (pointers.length > 0) await step();
    } finally {
      await writer.close();
    }
    file.growing = false;
    return pointerBytes;
  }

  async #moveRecords(): Promise<void> {
    const { db, records, onStep } = this.#parts;
    let operations: Operation[] = [];
    for (const operation of records.operations()) {
      if (operations.push(operation) < stepOperations) continue;
      await db.batch(operations);
      operations = [];
      await this.#rest();
    }
    if (operations.length > 0) await db.batch(operations);
    onStep("checkpoint-records");
  }

  async #rest(): Promise<void> {
    if (!this.#behind) {
      const rest = Math.min(maxRestMs, (performance.now() - this.#stepBegan) * restFactor);
      await new Promise((resolve) => setTimeout(resolve, rest));
    }
    this.#stepBegan = performance.now();
  }

  /** Waits for the checkpoint under way, failed or not; it rests no more. */
  async stopped(): Promise<void> {
    this.#hurried = true;
    await this.#running?.catch(() => {});
  }
}

/** About. */
const pointerValueBytes = 40;
