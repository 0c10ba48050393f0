/**
 * A consistent copy of a store that is open, while it is written to (docs/adr/0006-backup.md): a snapshot of LevelDB, and hard
 * links to the files that it needs, from which everything is then read in peace. Files are written once from front to
 * back, and the journal's again only where nobody has linked them: so a link keeps what the snapshot points to, whatever
 * checkpoints and trims do meanwhile; the result is what a crash at the moment of the snapshot would have left, with the
 * journal up to the moment of its link. Used by `store.ts`.
 */
import { link, mkdir, mkdtemp, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { BackupEncoder, type BackupPart, partBytes } from "./backup-format.ts";
import type { Database } from "./database.ts";
import { type Journal, journalFiles, journalPath } from "./journal.ts";
import { keys, parseSortable, prefixRange, sortable } from "./keys.ts";
import { schemaVersion } from "./open-store.ts";
import type { ReceiptRun } from "./receipt-files.ts";
import { unseal } from "./seal.ts";

type Snapshot = ReturnType<Database["snapshot"]>;

const linksPrefix = "backup-";
/** A checkpoint or a trim may remove a file before it is linked; the next snapshot does not need it. */
const maxAttempts = 20;
const recordsPerPart = 1000;

/** What is in a backup besides LevelDB: files by their path in the store, and how much of each. */
interface LinkedFile {
  readonly path: string;
  readonly bytes: number;
}

/** The bytes of a backup (`backup-format.ts`) of the store in `db.location`; holds what all commits before the call wrote. */
export async function* backUp(db: Database, journal: Journal): AsyncGenerator<Buffer> {
  const encoder = new BackupEncoder();
  const links = await mkdtemp(join(db.location, linksPrefix));
  try {
    const { snapshot, files } = await freeze(db, journal, links);
    try {
      yield encoder.begin();
      yield encoder.encode({ type: "head", head: { schema: schemaVersion, createdAt: Date.now() } });
      for await (const part of recordParts(db, snapshot)) yield encoder.encode(part);
    } finally {
      await snapshot.close();
    }
    for (const file of files) for await (const part of fileParts(links, file)) yield encoder.encode(part);
    yield encoder.end();
  } finally {
    await rm(links, { recursive: true, force: true });
  }
}

/** Removes links that a crash left: they would keep the space of files that are long gone. */
export async function removeBackupLinks(directory: string): Promise<void> {
  for (const name of await readdir(directory))
    if (name.startsWith(linksPrefix)) await rm(join(directory, name), { recursive: true, force: true });
}

async function freeze(
  db: Database,
  journal: Journal,
  links: string,
): Promise<{ snapshot: Snapshot; files: LinkedFile[] }> {
  for (let attempt = 1; ; attempt++) {
    const snapshot = db.snapshot();
    try {
      return { snapshot, files: await linkFiles(db, journal, snapshot, links) };
    } catch (error) {
      await snapshot.close();
      await Promise.all(directories.map((each) => rm(join(links, each), { recursive: true, force: true })));
      const overtaken = error instanceof Overtaken || (error as NodeJS.ErrnoException).code === "ENOENT";
      if (!overtaken || attempt === maxAttempts) throw error;
    }
  }
}

/** Since the snapshot a checkpoint has ended. */
class Overtaken extends Error {
  override readonly name = "Overtaken";
}

const directories = ["journal", "receipts", "chunks"] as const;

/** The journal first: its files are the ones that go soonest. Rejects with `Overtaken`, or `ENOENT`, where one has gone already. */
async function linkFiles(db: Database, journal: Journal, snapshot: Snapshot, links: string): Promise<LinkedFile[]> {
  for (const directory of directories) await mkdir(join(links, directory), { recursive: true, mode: 0o700 });
  const linked = async (path: string) => {
    await link(join(db.location, path), join(links, path));
    return path;
  };
  const start = await journalStart(db, snapshot);
  // That one must be there, whatever the directory lists by now.
  const numbers = [start];
  await linked(journalPath("journal", start));
  for (const number of await journalFiles(join(db.location, "journal"))) {
    if (number <= start) continue;
    await linked(journalPath("journal", number));
    numbers.push(number);
  }
  // A checkpoint that ended meanwhile may have removed one before it was listed.
  if ((await journalStart(db)) !== start) throw new Overtaken();
  const files: LinkedFile[] = [];
  const size = async (path: string) => (await stat(join(links, path))).size;
  for await (const [key, value] of db.iterator({ ...prefixRange(keys.generation(0).slice(0, 2)), snapshot })) {
    const { runs } = JSON.parse(unseal(value, key)) as { runs: ReceiptRun[] };
    for (const { number } of runs) {
      const path = await linked(`receipts/${sortable(number)}`);
      files.push({ path, bytes: await size(path) });
    }
  }
  for await (const [key, value] of db.iterator({ ...prefixRange(keys.chunkFile(0).slice(0, 2)), snapshot })) {
    const { bytes } = JSON.parse(unseal(value, key)) as { bytes: number };
    files.push({ path: await linked(`chunks/${sortable(parseSortable(key.slice(2)))}`), bytes });
  }
  // Only now: a journal file that has a next one among these has all of its records. One that was dropped since has them too.
  for (const number of numbers) {
    const path = journalPath("journal", number);
    files.push({ path, bytes: journal.bytesOf(number) ?? (await size(path)) });
  }
  return files;
}

async function journalStart(db: Database, snapshot?: Snapshot | undefined): Promise<number> {
  const stored = await db.get(keys.journalStart, snapshot ? { snapshot } : {});
  if (!stored) throw new Error("the store does not say where its journal begins");
  return Number(unseal(stored, keys.journalStart));
}

async function* recordParts(db: Database, snapshot: Snapshot): AsyncGenerator<BackupPart> {
  const iterator = db.iterator({ snapshot });
  try {
    for (;;) {
      const records = await iterator.nextv(recordsPerPart);
      if (records.length === 0) return;
      yield { type: "records", records };
    }
  } finally {
    await iterator.close();
  }
}

async function* fileParts(links: string, { path, bytes }: LinkedFile): AsyncGenerator<BackupPart> {
  yield { type: "file", path, bytes };
  const file = await open(join(links, path), "r");
  try {
    for (let at = 0; at < bytes; ) {
      const part = Buffer.allocUnsafe(Math.min(partBytes, bytes - at));
      const { bytesRead } = await file.read(part, 0, part.length, at);
      if (bytesRead === 0) throw new Error(`${path} ends at ${at} of ${bytes} bytes`);
      yield { type: "bytes", bytes: part.subarray(0, bytesRead) };
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}
