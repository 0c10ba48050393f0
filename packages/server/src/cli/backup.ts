/**
 * `parley backup`: a copy of everything that a server keeps, from a running server over HTTP or from a store that nobody has
 * open. The file gets its name when it is whole, on disk, and was read back.
 */
import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { randomWord, systemClock } from "../core/clock.ts";
import { BackupRefused } from "../engine/level/backup-format.ts";
import { syncDirectory } from "../engine/level/block-file.ts";
import { LevelEngine } from "../engine/level/level-engine.ts";
import { StoreInUse, StoreRefused } from "../engine/level/open-store.ts";
import { checkBackup } from "../engine/level/restore.ts";
import { ByteProgress } from "./byte-progress.ts";
import { complain } from "./complaint.ts";
import { type DataDirectoryFlags, dataDirectory, storeIn } from "./data-directory.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { openRemoteBackup, type RemoteFlags, Unavailable } from "./remote-backup.ts";

export interface BackupFlags extends DataDirectoryFlags, Partial<RemoteFlags> {}

/** `file`: where to, `-` for standard output. Resolves with the exit code. */
export async function backup(file: string, { url, user, ...flags }: BackupFlags): Promise<ExitCode> {
  const toOutput = file === "-";
  if (!toOutput && existsSync(file)) {
    complain(`${file} is there already. Give another name, or remove it first.`);
    return exitCodes.failed;
  }
  try {
    const source = url === undefined ? await openStored(flags) : await openRemoteBackup({ url, user });
    if (source === undefined) return exitCodes.usage;
    const progress = new ByteProgress("backing up");
    await (toOutput ? write(progress.of(source)) : keep(progress.of(source), file));
    if (!toOutput) console.log(`Backed up: ${progress.summary(`in ${file}, read back and found whole,`)}.`);
    return exitCodes.ok;
  } catch (error) {
    return explain(error);
  }
}

function explain(error: unknown): ExitCode {
  if (error instanceof Unavailable) {
    complain(error.message);
    return error.exitCode;
  }
  if (error instanceof StoreInUse)
    complain(`${error.message} A running server is backed up by --url, e.g. --url http://127.0.0.1:8080.`);
  else if (error instanceof StoreRefused || error instanceof BackupRefused) complain(error.message);
  else if ((error as NodeJS.ErrnoException).syscall !== undefined) complain((error as Error).message);
  else throw error;
  return exitCodes.failed;
}

/** The store of a server that does not run. Undefined where the configuration is wrong. */
async function openStored(flags: DataDirectoryFlags): Promise<AsyncIterable<Uint8Array> | undefined> {
  const directory = dataDirectory(flags);
  if (directory === undefined) return undefined;
  const { store, exists } = storeIn(directory);
  if (!exists) throw new StoreRefused(`There is no store in ${directory}. Say where it is by --data-dir.`);
  const engine = await LevelEngine.open({ directory: store, newEpoch: () => randomWord(systemClock) });
  return closing(engine);
}

async function* closing(engine: LevelEngine): AsyncGenerator<Uint8Array> {
  try {
    yield* engine.backup();
  } finally {
    await engine.close();
  }
}

async function write(source: AsyncIterable<Uint8Array>): Promise<void> {
  await pipeline(source, process.stdout, { end: false });
}

async function keep(source: AsyncIterable<Uint8Array>, file: string): Promise<void> {
  const partial = `${file}.partial`;
  await rm(partial, { force: true });
  try {
    await pipeline(source, createWriteStream(partial, { flags: "wx", mode: 0o600, flush: true }));
    await checkBackup(createReadStream(partial));
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  await syncDirectory(dirname(file));
}
