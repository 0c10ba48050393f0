/**
 * Moves entries from the journal into per-log chunks, in the background and in bounded steps, then drops the journal
 * records. Every step is synced, and the journal goes only in the last one: a crash anywhere leaves the journal to do it
 * again (docs/adr/0001-storage-layout.md). Also drops the chunks that a trim left behind.
 */
import { encodeChunk, keys, seal } from "./codec.ts";
import type { CommitStep, Operation } from "./commit.ts";
import type { DedupeIndex } from "./dedupe-index.ts";
import type { LogState } from "./log-state.ts";
import type { Database } from "./open-store.ts";
import type { Volumes } from "./volumes.ts";

const stepBytes = 64 * 1024;
const behindStepBytes = 1024 * 1024;
/**
 * After a step the checkpoint rests as long as the step took, times this, so that commits find disk and core free; but
 * not when the journal has grown by much meanwhile: memory is bounded by its size.
 */
const restFactor = 1;
const maxRestMs = 50;
const stepDeletes = 500;

export class Checkpoint {
  readonly #db: Database;
  readonly #dedupe: DedupeIndex;
  readonly #volumes: Volumes;
  readonly #onStep: (step: CommitStep) => void;
  /** The logs with entries that only the journal has. */
  #dirty = new Set<LogState>();
  #journalStart: number;
  #journalBytes: number;
  #running: Promise<void> | undefined;
  #hurried = false;
  /** Journal bytes, beside those it moves, above which a checkpoint takes long steps and does not rest. */
  #restLimit = 0;

  constructor(
    db: Database,
    dedupe: DedupeIndex,
    volumes: Volumes,
    onStep: (step: CommitStep) => void,
    dirty: Iterable<LogState>,
    journalStart: number,
    journalBytes: number,
  ) {
    this.#db = db;
    this.#dedupe = dedupe;
    this.#volumes = volumes;
    this.#onStep = onStep;
    this.#dirty = new Set(dirty);
    this.#journalStart = journalStart;
    this.#journalBytes = journalBytes;
  }

  journalGrew(touched: Iterable<LogState>, bytes: number): void {
    for (const log of touched) this.#dirty.add(log);
    this.#journalBytes += bytes;
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

  /** Moves everything up to the journal's record `upTo`. No commit may be under way at the call; they may go on after it. */
  run(upTo: number): Promise<void> {
    const logs = [...this.#dirty];
    this.#dirty = new Set();
    this.#restLimit = this.#journalBytes / 2;
    this.#journalBytes = 0;
    for (const log of logs) log.startFlush();
    this.#running = this.#run(logs, upTo).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(logs: readonly LogState[], upTo: number): Promise<void> {
    let operations: Operation[] = [];
    let bytes = 0;
    let total = 0;
    for (const log of logs) {
      for (const chunk of log.chunks()) {
        const first = chunk.entries[0]?.seq ?? 0;
        const value = encodeChunk(chunk);
        operations.push({ type: "put", key: keys.chunk(this.#volumes.current, log.name, first), value });
        bytes += value.length;
        total += value.length;
        if (bytes < (this.#behind ? behindStepBytes : stepBytes)) continue;
        await this.#write(operations);
        operations = [];
        bytes = 0;
      }
    }
    await this.#write(operations);
    const last = await this.#dedupe.checkpoint(upTo, (buckets) => this.#write(buckets));
    await this.#end(last, upTo, total);
    for (const log of logs) log.flushing = [];
    this.#dedupe.checkpointDone();
  }

  async #end(last: readonly Operation[], upTo: number, bytes: number): Promise<void> {
    const { put, filled } = this.#volumes.after(bytes);
    const start: Operation = { type: "put", key: keys.journalStart, value: seal(String(upTo + 1)) };
    const operations: Operation[] = [...last, put, start];
    for (let n = this.#journalStart; n <= upTo; n++) operations.push({ type: "del", key: keys.journal(n) });
    await this.#write(operations);
    filled();
    this.#journalStart = upTo + 1;
    this.#onStep("checkpoint-end");
  }

  async #write(operations: readonly Operation[]): Promise<void> {
    if (operations.length === 0) return;
    const began = performance.now();
    await this.#db.batch([...operations], { sync: true });
    this.#onStep("checkpoint-chunk");
    if (this.#behind) return;
    const rest = Math.min(maxRestMs, (performance.now() - began) * restFactor);
    await new Promise((resolve) => setTimeout(resolve, rest));
  }

  /** Writes the log's record and deletes the chunks that end before its first entry; the last chunk stays, it tells the tail. */
  async dropChunks(log: LogState): Promise<void> {
    await this.#db.put(keys.head(log.name), seal(JSON.stringify(log.record)), { sync: true });
    log.recorded = true;
    let previous: string | undefined;
    let dead: string[] = [];
    for (const volume of this.#volumes.numbers) {
      const range = { gte: keys.chunk(volume, log.name, 0), lte: keys.chunk(volume, log.name, log.first) };
      for await (const key of this.#db.keys(range)) {
        if (previous !== undefined && dead.push(previous) === stepDeletes) {
          await this.#delete(dead);
          dead = [];
        }
        previous = key;
      }
    }
    await this.#delete(dead);
  }

  async #delete(chunks: readonly string[]): Promise<void> {
    await this.#db.batch(chunks.map((key) => ({ type: "del", key })));
  }

  /** Waits for the checkpoint under way, failed or not; it rests no more. */
  async stopped(): Promise<void> {
    this.#hurried = true;
    await this.#running?.catch(() => {});
  }

  /** Ends cleanly: seqs that were only set aside may be used by the next process. */
  async close(logs: Iterable<LogState>): Promise<void> {
    await this.stopped();
    const operations: Operation[] = [];
    for (const log of logs) {
      if (log.reserved <= log.tail) continue;
      log.reserved = log.tail;
      operations.push({ type: "put", key: keys.head(log.name), value: seal(JSON.stringify(log.record)) });
    }
    await this.#write(operations);
  }
}
