/**
 * The receipts that are no longer in memory: a file for each checkpoint (a run) with its pages, the buckets of its table
 * and, last, where these buckets are; and a file for the filter of each full generation. Read where a `clientId` may be a
 * repeat: two short reads a run, and the page. Used by the dedupe index.
 */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { BlockWriter, readBlocks, syncDirectory } from "./block-file.ts";
import type { KeyHash } from "./bloom.ts";
import { sortable } from "./keys.ts";
import { OpenFiles } from "./open-files.ts";
import { bucketOf, buckets, type ReceiptTable, visitBucket } from "./receipt-table.ts";
import { CorruptStore } from "./seal.ts";

export interface ReceiptRun {
  readonly number: number;
  /** Where the list of its buckets is in its file. */
  readonly listAt: number;
  readonly listLength: number;
}

interface Owner {
  readonly number: number;
  readonly runs: readonly ReceiptRun[];
}

const stepBytes = 256 * 1024;
const filterSuffix = ".filter";

export class ReceiptFiles {
  readonly #directory: string;
  readonly #open = new OpenFiles();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(directory: string): Promise<ReceiptFiles> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return new ReceiptFiles(directory);
  }

  #runPath(run: number): string {
    return join(this.#directory, sortable(run));
  }

  #filterPath(generation: number): string {
    return join(this.#directory, sortable(generation) + filterSuffix);
  }

  /** Writes pages and their table, whose page numbers are indices, as one run; `rest` after each step. */
  async write(
    number: number,
    pages: readonly Buffer[],
    table: ReceiptTable,
    rest: () => Promise<void>,
  ): Promise<ReceiptRun> {
    const writer = await BlockWriter.create(this.#runPath(number));
    const writeAll = async (contents: readonly Buffer[]): Promise<number[]> => {
      const places: number[] = [];
      for (const [i, content] of contents.entries()) {
        places.push(writer.size);
        writer.addContent(content);
        if (writer.collected < stepBytes && i < contents.length - 1) continue;
        await writer.flush();
        await rest();
      }
      return places;
    };
    try {
      const list = await writeAll(await buckets(table, await writeAll(pages)));
      const listAt = writer.size;
      await writeAll([Buffer.from(new Uint32Array([...list, listAt]).buffer)]);
      await syncDirectory(this.#directory);
      return { number, listAt, listLength: writer.size - listAt };
    } finally {
      await writer.close();
    }
  }

  /** Where the pages of a run are that may have a key. Rejects with `CorruptStore`. */
  async find(run: ReceiptRun, { a, b }: KeyHash): Promise<number[]> {
    const list = await this.#list(run);
    const bucket = bucketOf(a, list.length - 1);
    const [from = 0, to = 0] = list.subarray(bucket, bucket + 2);
    const found: number[] = [];
    visitBucket(await this.#open.block(this.#runPath(run.number), from, to - from), (itsA, itsB, place) => {
      if (itsA === a && itsB === b) found.push(place);
    });
    return found;
  }

  /** Calls `visit` with the hashes of all keys of a run. Rejects with `CorruptStore`. */
  async visit(run: ReceiptRun, visit: (a: number, b: number) => void): Promise<void> {
    const [first = 0] = await this.#list(run);
    for await (const { content } of readBlocks(this.#runPath(run.number), first, run.listAt))
      visitBucket(content, visit);
  }

  /** Where the buckets begin, and at last where they end. */
  async #list({ number, listAt, listLength }: ReceiptRun): Promise<Uint32Array> {
    const list = await this.#open.block(this.#runPath(number), listAt, listLength);
    return new Uint32Array(list.buffer.slice(list.byteOffset, list.byteOffset + list.length));
  }

  /** The page of a run at a place that `find` told. */
  page({ number }: ReceiptRun, at: number): Promise<Buffer> {
    return this.#open.blockAt(this.#runPath(number), at);
  }

  async writeFilter(generation: number, bits: Uint8Array): Promise<void> {
    const path = this.#filterPath(generation);
    await rm(path, { force: true });
    const writer = await BlockWriter.create(path);
    writer.addContent(bits);
    await writer.flush();
    await writer.close();
  }

  /** The bits of a generation's filter; undefined where there is none, or a damaged one: it can be made from the tables. */
  async filter(generation: number): Promise<Uint8Array | undefined> {
    try {
      for await (const { content } of readBlocks(this.#filterPath(generation), 0, 1)) return new Uint8Array(content);
    } catch (error) {
      if (!(error instanceof CorruptStore) && (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    return undefined;
  }

  /** Removes what a crash left and no generation knows of. */
  async keepOnly(generations: readonly Owner[]): Promise<void> {
    const known = new Set(
      generations.flatMap(({ number, runs }) => [
        sortable(number) + filterSuffix,
        ...runs.map((run) => sortable(run.number)),
      ]),
    );
    for (const name of await readdir(this.#directory)) if (!known.has(name)) await rm(join(this.#directory, name));
  }

  /** Removes the files of a generation. */
  async remove({ number, runs }: Owner): Promise<void> {
    await rm(this.#filterPath(number), { force: true });
    for (const run of runs) {
      await this.#open.forget(this.#runPath(run.number));
      await rm(this.#runPath(run.number), { force: true });
    }
  }

  close(): Promise<void> {
    return this.#open.close();
  }
}
