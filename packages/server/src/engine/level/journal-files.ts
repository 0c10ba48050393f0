/**
 * Reads the journal's files back when a store is opened. What was torn by a crash while it was written, and so never
 * acknowledged, is cut off; anything else that is missing or damaged is `CorruptStore`: better refused than served with
 * a hole.
 */
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory } from "./block-file.ts";
import { Journal, journalFiles, journalPath } from "./journal.ts";
import { decodeRecord, type JournalRecord, magic, vouchesFor } from "./journal-record.ts";
import { removeSpare } from "./journal-spare.ts";
import { sortable } from "./keys.ts";
import { CorruptStore } from "./seal.ts";
import type { Slabs } from "./slabs.ts";

/** Of files that are not there yet: left behind by a crash, they are removed. */
export const copySuffix = ".copy";

/** Makes the first, empty file of a new store. */
export async function createJournal(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = await open(journalPath(directory, 1), "w", 0o600);
  await file.close();
  await syncDirectory(directory);
}

/**
 * Reads all records from number `start` on, which begins a file, and opens the journal for more, which keeps its
 * records in `slabs`. Removes older files.
 */
export async function openJournal(
  directory: string,
  start: number,
  slabs: Slabs,
): Promise<{ readonly journal: Journal; readonly records: JournalRecord[] }> {
  await removeLeftovers(directory);
  await removeSpare(directory);
  const found = await journalFiles(directory).catch((): number[] => []);
  for (const number of found.filter((file) => file < start)) await rm(journalPath(directory, number));
  const files = found.filter((file) => file >= start);
  const records: JournalRecord[] = [];
  const sizes = new Map<number, number>();
  let next = start;
  for (const [index, first] of files.entries()) {
    if (first !== next) break;
    const path = journalPath(directory, first);
    const bytes = await readFile(path);
    const read = readRecords(bytes, next);
    for (const record of read.records) records.push(record);
    next += read.records.length;
    sizes.set(first, read.end);
    const isLast = index === files.length - 1;
    if (isLast ? isDamaged(bytes, read.end, next) : next !== files[index + 1])
      throw new CorruptStore(`journal record ${next} is damaged`);
    if (!isLast) continue;
    await rewrite(directory, path, bytes.subarray(0, read.end));
    return { records, journal: new Journal(directory, slabs, sizes, next) };
  }
  throw new CorruptStore(`journal record ${next} is missing: no file ${join(directory, sortable(next))}`);
}

/** What a crash left of an earlier opening. */
async function removeLeftovers(directory: string): Promise<void> {
  const names = await readdir(directory).catch((): string[] => []);
  for (const name of names.filter((each) => each.endsWith(copySuffix))) await rm(join(directory, name));
}

/**
 * The records from the beginning of a file, the first of which must be number `next`; `end` is where they end. Behind it may
 * be what the file held before it was used again.
 */
function readRecords(bytes: Buffer, next: number): { readonly records: JournalRecord[]; readonly end: number } {
  const records: JournalRecord[] = [];
  let end = 0;
  for (;;) {
    const record = decodeRecord(bytes, end);
    if (record?.number !== next + records.length) return { records, end };
    records.push(record);
    end += record.bytes;
  }
}

/**
 * Whether what should be record `number`, at `end`, was once on disk: a later record says so. Otherwise nobody was told
 * of it (or only with `memory` durability), and whatever follows was not acknowledged either.
 */
function isDamaged(bytes: Buffer, end: number, number: number): boolean {
  for (let at = bytes.indexOf(magic, end); at !== -1; at = bytes.indexOf(magic, at + 1))
    if (vouchesFor(bytes, at, number)) return true;
  return false;
}

/**
 * Puts a synced copy in the file's place: after a crash, or after a disk that failed to sync, pages that can be read may
 * be in the system's memory only.
 */
async function rewrite(directory: string, path: string, bytes: Buffer): Promise<void> {
  const copy = await open(path + copySuffix, "w", 0o600);
  try {
    await copy.writeFile(bytes);
    await copy.sync();
  } finally {
    await copy.close();
  }
  await rename(path + copySuffix, path);
  await syncDirectory(directory);
}
