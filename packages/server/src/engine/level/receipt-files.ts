/**
 * The receipts that are no longer in memory: a file for each checkpoint (a run) with its pages and, last, its table, and
 * a file for the filter of each full generation. Read where a `clientId` may be a repeat. Used by the dedupe index.
 */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { BlockWriter, encodeBlock, readBlocks, syncDirectory } from "./block-file.ts";
import { sortable } from "./keys.ts";
import { OpenFiles } from "./open-files.ts";
import { offsetTable, type ReceiptTable } from "./receipt-table.ts";
import { CorruptStore } from "./seal.ts";

export interface ReceiptRun {
  readonly number: number;
  /** Where its table is in its file. */
  readonly tableAt: number;
  readonly tableLength: number;
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
    try {
      const offsets: number[] = [];
      let step: Buffer[] = [];
      let stepSize = 0;
      for (const page of pages) {
        const block = encodeBlock(page);
        offsets.push(writer.size + stepSize);
        step.push(block);
        stepSize += block.length;
        if (stepSize < stepBytes) continue;
        await writer.append(step);
        step = [];
        stepSize = 0;
        await rest();
      }
      const tableAt = writer.size + stepSize;
      const block = encodeBlock(offsetTable(table, offsets));
      await writer.append([...step, block]);
      await syncDirectory(this.#directory);
      return { number, tableAt, tableLength: block.length };
    } finally {
      await writer.close();
    }
  }

  /** The table of a run, as `offsetTable` made it. Rejects with `CorruptStore`. */
  table({ number, tableAt, tableLength }: ReceiptRun): Promise<Buffer> {
    return this.#open.block(this.#runPath(number), tableAt, tableLength);
  }

  /** The page of a run at the place that its table tells. */
  page({ number }: ReceiptRun, at: number): Promise<Buffer> {
    return this.#open.blockAt(this.#runPath(number), at);
  }

  async writeFilter(generation: number, bits: Uint8Array): Promise<void> {
    const path = this.#filterPath(generation);
    await rm(path, { force: true });
    const writer = await BlockWriter.create(path);
    await writer.append([encodeBlock(bits)]);
    await writer.close();
  }

  /** The bits of a generation's filter; undefined where there is none, or a damaged one: it can be made from the tables. */
  async filter(generation: number): Promise<Uint8Array | undefined> {
    try {
      for await (const { content } of readBlocks(this.#filterPath(generation), 1)) return new Uint8Array(content);
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
