/**
 * The files that hold chunks: which there are, and how much of each is still pointed to. One that nothing points to is
 * deleted; what is left in a sparse one is moved by `trimming.ts`. Sizes are in LevelDB, written in the batch that
 * changes the pointers, so that both are always of the same moment.
 */
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { BlockWriter, syncDirectory } from "./block-file.ts";
import type { ChunkPointer } from "./chunk.ts";
import type { Database, Operation } from "./database.ts";
import { keys, parseSortable, prefixRange, sortable } from "./keys.ts";
import { OpenFiles } from "./open-files.ts";
import { CorruptStore, seal, unseal } from "./seal.ts";

export interface ChunkFile {
  readonly number: number;
  readonly path: string;
  /** The size in bytes, and how much of it pointers point to. */
  bytes: number;
  live: number;
  /** Whether it is being written. */
  growing: boolean;
}

/** A file of which less than one part in this many is pointed to is rewritten: files are at most so many times what they hold. */
const sparseFactor = 4;

export class ChunkFiles {
  readonly #directory: string;
  readonly #open = new OpenFiles();
  readonly #files = new Map<number, ChunkFile>();
  /** Reads under way, each from before it looked up its pointers. */
  readonly #reads = new Set<Promise<unknown>>();
  #last: number;

  private constructor(directory: string, files: readonly ChunkFile[], last: number) {
    this.#directory = directory;
    this.#last = last;
    for (const file of files) this.#files.set(file.number, file);
  }

  /** Finds the files, and removes those that a crash left before anything pointed to them. Rejects with `CorruptStore`. */
  static async load(directory: string, db: Database): Promise<ChunkFiles> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const names = new Set(await readdir(directory));
    const files: ChunkFile[] = [];
    let last = 0;
    for await (const [key, value] of db.iterator(prefixRange(keys.chunkFile(0).slice(0, 2)))) {
      const { bytes, live } = JSON.parse(unseal(value, key)) as Pick<ChunkFile, "bytes" | "live">;
      const name = key.slice(2);
      const path = join(directory, name);
      const size = names.delete(name) ? (await stat(path)).size : 0;
      if (size < bytes) throw new CorruptStore(`${path} has ${size} bytes instead of ${bytes}`);
      last = parseSortable(name);
      files.push({ number: last, path, bytes, live, growing: false });
    }
    for (const name of names) await rm(join(directory, name));
    return new ChunkFiles(directory, files, last);
  }

  /** Makes the next file. */
  async begin(): Promise<{ readonly file: ChunkFile; readonly writer: BlockWriter }> {
    const number = ++this.#last;
    const path = join(this.#directory, sortable(number));
    const writer = await BlockWriter.create(path);
    await syncDirectory(this.#directory);
    const file: ChunkFile = { number, path, bytes: 0, live: 0, growing: true };
    this.#files.set(file.number, file);
    return { file, writer };
  }

  get(number: number): ChunkFile {
    const file = this.#files.get(number);
    if (!file) throw new CorruptStore(`chunk file ${sortable(number)} is missing`);
    return file;
  }

  /** What says in LevelDB how large a file is. */
  operation({ number, bytes, live }: ChunkFile): Operation {
    return { type: "put", key: keys.chunkFile(number), value: seal(JSON.stringify({ bytes, live })) };
  }

  /** Those that are to be rewritten or deleted. */
  get sparse(): ChunkFile[] {
    return [...this.#files.values()].filter(({ growing, live, bytes }) => !growing && live * sparseFactor < bytes);
  }

  /** Does `work`, which looks up pointers and reads what they point to, or what is in memory: neither goes before it has ended. */
  async reading<T>(work: () => Promise<T>): Promise<T> {
    const read = work();
    this.#reads.add(read);
    try {
      return await read;
    } finally {
      this.#reads.delete(read);
    }
  }

  /** Resolves when all reads have ended that are under way now. */
  async readsEnded(): Promise<void> {
    await Promise.allSettled(this.#reads);
  }

  /** The text of a chunk. To be called within `reading`. */
  async read({ file, at, length }: ChunkPointer): Promise<string> {
    return (await this.#open.block(this.get(file).path, at, length)).toString();
  }

  /** Removes a file that nothing points to any more, durably. */
  async remove(file: ChunkFile): Promise<void> {
    await this.readsEnded();
    this.#files.delete(file.number);
    await this.#open.forget(file.path);
    await rm(file.path, { force: true });
  }

  close(): Promise<void> {
    return this.#open.close();
  }
}
