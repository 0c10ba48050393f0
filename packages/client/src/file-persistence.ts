/**
 * Keeps positions and outbox in one file (Node): an append-only journal of JSON lines, each with its checksum, synced
 * before `save` resolves. One line is one `save`, so a torn tail loses a save that never resolved, whole. When the journal
 * outgrows what it says, it is rewritten beside and renamed. One process at a time (`file-lock.ts`); file mode 0600.
 */
import { Buffer } from "node:buffer";
import { constants } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { ParleyError } from "./errors.ts";
import { decodeJournal, encodeHeader, encodeRecord } from "./file-journal.ts";
import { type FileLock, lockFile } from "./file-lock.ts";
import { type Change, type Persistence, StateFold, type StoredState } from "./persistence.ts";

export interface FilePersistenceOptions {
  /** Sync to disk in each save. Default true; with false the state survives a crash of the process but not of the machine. */
  readonly fsync?: boolean;
  /** Rewrite the journal when it is longer than this and than four times its content. Default 1 MiB. */
  readonly compactAboveBytes?: number;
}

const privateMode = 0o600;
const defaultCompactAboveBytes = 1024 * 1024;

/**
 * Keeps a client's state in the file at `path` (made if missing, its folder must exist; `path.lock` exists while in use).
 * `load` rejects with `persistence_failed` when another process uses it, when it is not such a file or when it is damaged
 * before its end.
 */
export function filePersistence(path: string, options: FilePersistenceOptions = {}): Persistence {
  return new FilePersistence(path, options);
}

class FilePersistence implements Persistence {
  readonly #path: string;
  readonly #fsync: boolean;
  readonly #compactAboveBytes: number;
  #fold = new StateFold();
  #lock: FileLock | undefined;
  #file: FileHandle | undefined;
  #bytes = 0;
  #compactedBytes = 0;
  /** A write failed half-way: the file may end in the middle of a line, and must be cut back before the next. */
  #isTorn = false;

  constructor(path: string, options: FilePersistenceOptions) {
    this.#path = path;
    this.#fsync = options.fsync ?? true;
    this.#compactAboveBytes = options.compactAboveBytes ?? defaultCompactAboveBytes;
  }

  async load(): Promise<StoredState> {
    this.#lock = await lockFile(`${this.#path}.lock`);
    try {
      await this.#open();
    } catch (error) {
      await this.close();
      throw error;
    }
    return this.#fold.state;
  }

  async save(changes: readonly Change[]): Promise<void> {
    const file = this.#file;
    if (!file) throw new ParleyError("persistence_failed", `${this.#path} is not open`);
    if (this.#isTorn) await file.truncate(this.#bytes);
    this.#isTorn = true;
    const record = encodeRecord(changes);
    await writeAll(file, record, this.#bytes);
    if (this.#fsync) await file.datasync();
    this.#isTorn = false;
    this.#bytes += record.length;
    for (const change of changes) this.#fold.apply(change);
    if (this.#bytes <= Math.max(this.#compactAboveBytes, 4 * this.#compactedBytes)) return;
    // The save is done whether or not this works; when it does not, try again when the journal is much longer.
    this.#compactedBytes = this.#bytes;
    await this.#compact().catch(() => {});
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    await this.#lock?.release();
    this.#lock = undefined;
  }

  async #open(): Promise<void> {
    const file = await open(this.#path, constants.O_RDWR | constants.O_CREAT, privateMode);
    this.#file = file;
    const bytes = await file.readFile();
    const { batches, validBytes } = decodeJournal(bytes, this.#path);
    for (const change of batches.flat()) this.#fold.apply(change);
    this.#bytes = validBytes;
    if (validBytes < bytes.length) await file.truncate(validBytes);
    if (validBytes > 0) return;
    const header = encodeHeader();
    await writeAll(file, header, 0);
    if (this.#fsync) await file.sync();
    await this.#syncFolder();
    this.#bytes = header.length;
  }

  /** Writes what the journal adds up to beside it and puts that in its place. */
  async #compact(): Promise<void> {
    const content = Buffer.concat([encodeHeader(), encodeRecord(this.#fold.changes)]);
    const temporary = `${this.#path}.new`;
    const file = await open(temporary, "w+", privateMode);
    try {
      await writeAll(file, content, 0);
      if (this.#fsync) await file.sync();
      await rename(temporary, this.#path);
    } catch (error) {
      await file.close();
      throw error;
    }
    await this.#file?.close();
    this.#file = file;
    this.#bytes = content.length;
    this.#compactedBytes = content.length;
    await this.#syncFolder();
  }

  /** A new or renamed file survives a power failure only when its folder is synced too. */
  async #syncFolder(): Promise<void> {
    if (!this.#fsync) return;
    const folder = await open(dirname(this.#path), "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const result = await file.write(bytes, written, bytes.length - written, position + written);
    written += result.bytesWritten;
  }
}
