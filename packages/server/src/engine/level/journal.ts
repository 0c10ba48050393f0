/**
 * The journal: files of records, one record a commit, written before anybody is told. A file is named by the number of
 * its first record; each checkpoint begins the next one, and drops the older when it has moved what they hold. A file may
 * be one that was dropped: behind its last record are then some of earlier, whose numbers are lower. One append at a time.
 * Hot path (`npm run bench`).
 */
import { close, constants, fdatasync, open, write } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { syncDirectory } from "./block-file.ts";
import { encodeRecord, type JournalBody } from "./journal-record.ts";
import { keepSpare, takeSpare } from "./journal-spare.ts";
import { parseSortable, sortable } from "./keys.ts";
import type { Place, Slabs } from "./slabs.ts";

const openAsync = promisify(open);
const closeAsync = promisify(close);
const syncAsync = promisify(fdatasync);

/** One file, opened twice: a synced write is one call of the system with `O_DSYNC` instead of two without. */
interface JournalFile {
  readonly plain: number;
  readonly synced: number;
}

export class Journal {
  readonly #directory: string;
  readonly #slabs: Slabs;
  #file: Promise<JournalFile>;
  /** The number of the first record of the file, and the bytes of its records. */
  #first: number;
  #size: number;
  /** The bytes of records in each of the files before this one that were not dropped. */
  readonly #older: Map<number, number>;
  #next: number;
  /** The last record that is certainly on disk. */
  #durable: number;

  /**
   * Goes on with the last of `files`: bytes of records, all on disk, by the number of the first, in order. The next record
   * is number `next`. Records are built in `slabs`, and stay there until these are freed.
   */
  constructor(directory: string, slabs: Slabs, files: ReadonlyMap<number, number>, next: number) {
    this.#directory = directory;
    this.#slabs = slabs;
    this.#older = new Map(files);
    const [first, size] = [...files].at(-1) as [number, number];
    this.#older.delete(first);
    this.#first = first;
    this.#size = size;
    this.#next = next;
    this.#durable = next - 1;
    this.#file = openFile(journalPath(directory, first));
  }

  /** The number of the last record. */
  get last(): number {
    return this.#next - 1;
  }

  /** Of the records in its files. */
  get bytes(): number {
    let bytes = this.#size;
    for (const size of this.#older.values()) bytes += size;
    return bytes;
  }

  /** Of the records in the file that it writes to. */
  get lastBytes(): number {
    return this.#size;
  }

  /** Of the records in the file whose first is `first`; undefined if it was dropped. */
  bytesOf(first: number): number | undefined {
    return first === this.#first ? this.#size : this.#older.get(first);
  }

  /** Whether there are records that may not be on disk. */
  get behind(): boolean {
    return this.#durable < this.last;
  }

  /**
   * Writes one commit; with `sync` it is on disk, and all before it, when this resolves. Resolves with its size, how
   * long the synced write took, and where in memory its receipts and its contents are. After a rejection nobody knows
   * what is on disk: the journal must be read anew.
   */
  async append(
    body: JournalBody,
    sync: boolean,
  ): Promise<{
    readonly bytes: number;
    readonly syncMs: number | undefined;
    readonly receipts: Buffer;
    readonly contents: Place;
  }> {
    const file = await this.#file;
    const { record, ...kept } = encodeRecord(this.#slabs, this.#next, this.#durable, body);
    const { behind } = this;
    const began = performance.now();
    await writeAll(sync && !behind ? file.synced : file.plain, record, this.#size);
    if (sync && behind) await syncAsync(file.plain);
    if (sync) this.#durable = this.#next;
    this.#next += 1;
    this.#size += record.length;
    return { bytes: record.length, syncMs: sync ? performance.now() - began : undefined, ...kept };
  }

  /** From the next record on it goes to a new file. No append may be under way. */
  cut(): void {
    const { last } = this;
    this.#older.set(this.#first, this.#size);
    this.#first = this.#next;
    this.#size = 0;
    this.#file = this.#file.then(async (old) => {
      const file = await this.#begin(old);
      this.#durable = last;
      return file;
    });
    // Whoever waits for it is told.
    this.#file.catch(() => {});
  }

  async #begin(old: JournalFile): Promise<JournalFile> {
    try {
      // What recovery takes for a torn end must be at the end of the last file.
      if (this.behind) await syncAsync(old.plain);
      const path = journalPath(this.#directory, this.#first);
      await takeSpare(this.#directory, path);
      const file = await openFile(path);
      await syncDirectory(this.#directory);
      return file;
    } finally {
      await closeFile(old);
    }
  }

  /** Resolves when the file that `cut` began is there. */
  async begun(): Promise<void> {
    await this.#file;
  }

  /** Drops the files that end before the record `first`, which begins a file. */
  async dropBefore(first: number): Promise<void> {
    for (const number of [...this.#older.keys()]) {
      if (number >= first) continue;
      this.#older.delete(number);
      await keepSpare(this.#directory, journalPath(this.#directory, number));
    }
  }

  /** Lets go of the files. After a clean end call `append` with an empty body before: it vouches for all records before it. */
  async close(): Promise<void> {
    const file = await this.#file.catch(() => undefined);
    this.#file = closed;
    if (file) await closeFile(file);
  }
}

const closed = Promise.reject<JournalFile>(new Error("the journal is closed"));
closed.catch(() => {});

/** A commit of nothing. */
export const emptyBody: JournalBody = { changes: [], receipts: Buffer.alloc(0), contents: Buffer.alloc(0) };

export function journalPath(directory: string, first: number): string {
  return join(directory, sortable(first));
}

/** The numbers of the files that there are, ascending. */
export async function journalFiles(directory: string): Promise<number[]> {
  const names = await readdir(directory);
  return names
    .filter((name) => sortable(parseSortable(name)) === name)
    .sort()
    .map(parseSortable);
}

async function openFile(path: string): Promise<JournalFile> {
  const { O_WRONLY, O_CREAT, O_DSYNC } = constants;
  const plain = await openAsync(path, O_WRONLY | O_CREAT, 0o600);
  return { plain, synced: await openAsync(path, O_WRONLY | O_DSYNC) };
}

async function closeFile({ plain, synced }: JournalFile): Promise<void> {
  await closeAsync(plain);
  await closeAsync(synced);
}

function writeAll(file: number, bytes: Buffer, at: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const rest = (from: number) =>
      write(file, bytes, from, bytes.length - from, at + from, (error, written) => {
        if (error) reject(error);
        else if (from + written < bytes.length) rest(from + written);
        else resolve();
      });
    rest(0);
  });
}
