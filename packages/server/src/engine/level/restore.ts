/**
 * Makes a store of a backup (docs/adr/0006-backup.md): writes what the backup holds, opens it once as after a crash, so that
 * it is known to be good, and gives all logs a new epoch, so that a position beyond the backup is noticed instead of
 * taken for one in what is written from now on. Works in a directory of its own: the caller moves it into place.
 */
import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ClassicLevel } from "classic-level";
import { type BackupHead, BackupRefused, decodeBackup } from "./backup-format.ts";
import { syncDirectory } from "./block-file.ts";
import type { Database, Operation } from "./database.ts";
import { emptyBody } from "./journal.ts";
import { keys, prefixRange } from "./keys.ts";
import { schemaVersion } from "./open-store.ts";
import { seal, unseal } from "./seal.ts";
import { Store } from "./store.ts";

/** The only files that a store has; nothing else is written, whatever a backup says. */
const filePath = /^(journal|receipts|chunks)\/[0-9a-z]{11}$/;
const batchSize = 1000;

/**
 * Writes the store into `directory`, which must not be there yet. `source` is read to its end. Resolves with what the
 * backup says of itself; rejects with `BackupRefused`, or `StoreRefused` where what came out cannot be opened.
 */
export async function restoreStore(
  source: AsyncIterable<Uint8Array>,
  directory: string,
  newEpoch: () => string,
): Promise<BackupHead> {
  await mkdir(directory, { mode: 0o700 });
  const head = await writeParts(source, directory);
  const store = await Store.open({ directory, newEpoch });
  // Everything out of the journal: then what has an epoch is in LevelDB alone.
  await store.checkpoint.run();
  await store.journal.append(emptyBody, true);
  await store.close();
  await renew(directory, newEpoch());
  return head;
}

/** Reads a backup to its end and checks it. Resolves with what it says of itself. Rejects with `BackupRefused`. */
export async function checkBackup(source: AsyncIterable<Uint8Array>): Promise<BackupHead> {
  let head: BackupHead | undefined;
  for await (const part of decodeBackup(source)) if (part.type === "head") head = checkedHead(part.head);
  return head ?? checkedHead(undefined);
}

function checkedHead(head: BackupHead | undefined): BackupHead {
  if (!head) throw new BackupRefused("The backup is damaged: it does not say what it is.");
  if (head.schema === schemaVersion) return head;
  throw new BackupRefused(
    `The backup has schema version ${head.schema}; this Parley reads version ${schemaVersion}. ` +
      "Restore it with the Parley that made it.",
  );
}

async function writeParts(source: AsyncIterable<Uint8Array>, directory: string): Promise<BackupHead> {
  const db = openDatabase(directory);
  let head: BackupHead | undefined;
  let file: FileInProgress | undefined;
  try {
    for await (const part of decodeBackup(source)) {
      if (part.type === "head") head = checkedHead(part.head);
      else if (part.type === "records")
        await db.batch(part.records.map(([key, value]) => ({ type: "put", key, value })));
      else if (part.type === "bytes") await file?.append(part.bytes);
      else {
        await file?.end();
        file = await FileInProgress.create(directory, part);
      }
    }
    await file?.end();
    // Synced, and with it all records before.
    await db.batch([], { sync: true });
  } finally {
    await file?.close();
    await db.close();
  }
  for (const name of ["journal", "receipts", "chunks"]) await syncDirectory(join(directory, name)).catch(ignoreMissing);
  return checkedHead(head);
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

function openDatabase(directory: string): Database {
  return new ClassicLevel<string, Buffer>(directory, { keyEncoding: "utf8", valueEncoding: "buffer" });
}

class FileInProgress {
  readonly #path: string;
  readonly #bytes: number;
  readonly #file: Awaited<ReturnType<typeof open>>;
  #written = 0;
  #closed = false;

  private constructor(path: string, bytes: number, file: Awaited<ReturnType<typeof open>>) {
    this.#path = path;
    this.#bytes = bytes;
    this.#file = file;
  }

  static async create(
    directory: string,
    { path, bytes }: { readonly path: string; readonly bytes: number },
  ): Promise<FileInProgress> {
    if (!filePath.test(path))
      throw new BackupRefused(`The backup has a file that no store has: ${JSON.stringify(path)}.`);
    const target = join(directory, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    return new FileInProgress(path, bytes, await open(target, "wx", 0o600));
  }

  async append(bytes: Buffer): Promise<void> {
    await this.#file.appendFile(bytes);
    this.#written += bytes.length;
  }

  /** It is whole and on disk. */
  async end(): Promise<void> {
    if (this.#written !== this.#bytes)
      throw new BackupRefused(`The backup is damaged: ${this.#path} has ${this.#written} of ${this.#bytes} bytes.`);
    await this.#file.sync();
    await this.close();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#file.close();
  }
}

/** Gives the store and everything in it the epoch `next`. A crash in between does no harm: the store is not in its place yet. */
async function renew(directory: string, next: string): Promise<void> {
  const db = openDatabase(directory);
  try {
    const stored = await db.get(keys.schema);
    const schema = JSON.parse(stored?.toString() ?? "{}") as { epoch?: string };
    for (const prefix of [keys.head(""), keys.record("", "").slice(0, 2)])
      await renewRecords(db, prefix, schema.epoch, next);
    await db.put(keys.schema, Buffer.from(JSON.stringify({ ...schema, epoch: next })), { sync: true });
  } finally {
    await db.close();
  }
}

/** Every record that says at which seq of the store's former epoch something is; one of an older epoch stays so. */
async function renewRecords(db: Database, prefix: string, former: string | undefined, next: string): Promise<void> {
  let operations: Operation[] = [];
  for await (const [key, value] of db.iterator(prefixRange(prefix))) {
    const record = JSON.parse(unseal(value, key)) as { epoch?: string };
    if (record.epoch === undefined || record.epoch !== former) continue;
    operations.push({ type: "put", key, value: seal(JSON.stringify({ ...record, epoch: next })) });
    if (operations.length < batchSize) continue;
    await db.batch(operations);
    operations = [];
  }
  await db.batch(operations);
}
