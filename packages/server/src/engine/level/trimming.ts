/**
 * Frees what trims leave behind, one job after the other in the background: drops pointers to chunks that lie wholly before
 * a log's first entry, removes chunk files that nothing points to any more, and moves what is left in sparse ones to a new
 * file. Every batch leaves pointers and sizes that belong together, so a crash costs at most work.
 */
import { type BlockWriter, readBlocks } from "./block-file.ts";
import { type ChunkPointer, chunkIdentity } from "./chunk.ts";
import type { ChunkFile, ChunkFiles } from "./chunk-files.ts";
import type { ChunkIndex } from "./chunk-index.ts";
import type { Database, Operation } from "./database.ts";
import { keys } from "./keys.ts";
import type { LogState } from "./log-state.ts";

const stepPointers = 256;
const stepBytes = 256 * 1024;

export class Trimming {
  readonly #db: Database;
  readonly #files: ChunkFiles;
  readonly #index: ChunkIndex;
  #last: Promise<void> = Promise.resolve();

  constructor(db: Database, files: ChunkFiles, index: ChunkIndex) {
    this.#db = db;
    this.#files = files;
    this.#index = index;
  }

  /** Frees what `log` holds before its first entry. Its record with that first entry is on disk. */
  trimmed(log: LogState): Promise<void> {
    const job = this.#last.then(async () => {
      await this.#dropPointers(log);
      await this.#tidy();
    });
    this.#last = job.catch(() => {});
    return job;
  }

  /** Resolves when no job is under way. */
  async stopped(): Promise<void> {
    await this.#last;
  }

  async #dropPointers(log: LogState): Promise<void> {
    let operations: Operation[] = [];
    let freed: ChunkPointer[] = [];
    const step = async () => {
      const touched = new Set(freed.map(({ file }) => this.#files.get(file)));
      for (const { file, length } of freed) this.#files.get(file).live -= length;
      await this.#db.batch([...operations, ...[...touched].map((file) => this.#files.operation(file))]);
      operations = [];
      freed = [];
    };
    let previous: ChunkPointer | undefined;
    for await (const pointer of this.#index.forward(log.name, 0, log.first + 1)) {
      // A checkpoint is still writing it and keeps its size: that one waits for the log's next trim.
      if (pointer.length > 0 && this.#files.get(pointer.file).growing) break;
      if (previous) {
        operations.push(this.#index.drop(log.name, previous));
        if (previous.length > 0) freed.push(previous);
      }
      previous = pointer;
      if (operations.length >= stepPointers) await step();
    }
    // The last one stays, it tells the tail; but its entries may go.
    if (previous && previous.length > 0 && previous.firstSeq + previous.count <= log.first) {
      operations.push(this.#index.put(log.name, { ...previous, length: 0 }));
      freed.push(previous);
    }
    if (operations.length > 0) await step();
  }

  /** Makes room: a file costs its whole size for as long as anything points to it. */
  async #tidy(): Promise<void> {
    const sparse = this.#files.sparse;
    const left = sparse.filter(({ live }) => live > 0);
    if (left.length > 0) await this.#rewrite(left);
    if (sparse.length === 0) return;
    // Synced, so that no pointer comes back to a file that is gone.
    await this.#db.batch(
      sparse.map(({ number }) => ({ type: "del", key: keys.chunkFile(number) })),
      { sync: true },
    );
    for (const file of sparse) await this.#files.remove(file);
  }

  /** Moves what is pointed to in `sparse` to one new file. */
  async #rewrite(sparse: readonly ChunkFile[]): Promise<void> {
    const { file, writer } = await this.#files.begin();
    try {
      for (const from of sparse) await this.#moveBlocks(from, file, writer);
    } finally {
      await writer.close();
    }
    file.growing = false;
    if (file.bytes === 0) await this.#files.remove(file);
  }

  async #moveBlocks(from: ChunkFile, to: ChunkFile, writer: BlockWriter): Promise<void> {
    let operations: Operation[] = [];
    const step = async () => {
      const bytes = writer.collected;
      if (bytes === 0) return;
      await writer.flush();
      to.bytes = writer.size;
      to.live += bytes;
      from.live -= bytes;
      await this.#db.batch([...operations, this.#files.operation(to), this.#files.operation(from)]);
      operations = [];
    };
    for await (const { at, content } of readBlocks(from.path, 0, from.bytes)) {
      const { log, firstSeq } = chunkIdentity(content.toString("utf8", 0, content.indexOf("\n") + 1));
      const pointer = await this.#index.locate(log, firstSeq);
      if (pointer?.firstSeq !== firstSeq || pointer.file !== from.number || pointer.at !== at || pointer.length === 0)
        continue;
      operations.push(this.#index.put(log, { ...pointer, file: to.number, at: writer.size }));
      writer.addContent(content);
      if (writer.collected >= stepBytes) await step();
    }
    await step();
  }
}
