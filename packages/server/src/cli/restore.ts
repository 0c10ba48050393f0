/**
 * `parley restore`: makes the store of a data directory from a backup. It is built and opened once beside its place, and
 * moved there last: a backup that turns out to be damaged, or a crash, leaves the data directory as it was.
 */
import { createReadStream } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { randomWord, systemClock } from "../core/clock.ts";
import { type BackupHead, BackupRefused } from "../engine/level/backup-format.ts";
import { syncDirectory } from "../engine/level/block-file.ts";
import { LevelEngine } from "../engine/level/level-engine.ts";
import { StoreInUse, StoreRefused } from "../engine/level/open-store.ts";
import { checkBackup, restoreStore } from "../engine/level/restore.ts";
import { ByteProgress } from "./byte-progress.ts";
import { complain } from "./complaint.ts";
import { type DataDirectoryFlags, dataDirectory, storeIn } from "./data-directory.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";

export interface RestoreFlags extends DataDirectoryFlags {
  /** Whether a store that is there is moved aside. */
  readonly force?: boolean;
  /** Only reads the backup and says whether it is whole. */
  readonly check?: boolean;
}

/** `file`: the backup, `-` for standard input. Resolves with the exit code. */
export async function restore(
  file: string,
  { force = false, check = false, ...flags }: RestoreFlags,
): Promise<ExitCode> {
  try {
    const directory = check ? "" : dataDirectory(flags);
    if (directory === undefined) return exitCodes.usage;
    const fromInput = file === "-";
    const total = fromInput ? undefined : (await stat(file)).size;
    const progress = new ByteProgress(check ? "checking" : "restoring", total);
    const source = progress.of(fromInput ? process.stdin : createReadStream(file));
    if (check) {
      const head = await checkBackup(source);
      console.log(`${file} is whole: ${madeAt(head)}, ${progress.summary("read")}.`);
    } else {
      const { head, aside } = await into(directory, source, force);
      if (aside) console.log(`The store that was there is now ${aside}.`);
      console.log(
        `Restored what was ${madeAt(head)}: ${progress.summary(`in ${directory}`)}. Start the server as before.`,
      );
    }
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof BackupRefused || error instanceof StoreRefused) complain(error.message);
    else if ((error as NodeJS.ErrnoException).syscall !== undefined) complain((error as Error).message);
    else throw error;
    return exitCodes.failed;
  }
}

function madeAt({ createdAt }: BackupHead): string {
  return `backed up at ${new Date(createdAt).toISOString()}`;
}

async function into(
  directory: string,
  source: AsyncIterable<Uint8Array>,
  force: boolean,
): Promise<{ readonly head: BackupHead; readonly aside: string | undefined }> {
  const { store, exists } = storeIn(directory);
  if (exists && !force)
    throw new StoreRefused(
      `There is a store in ${directory} already. Choose another --data-dir, or say --force: it is then moved aside.`,
    );
  if (exists) await refuseInUse(store);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const beside = `${store}.restoring`;
  await rm(beside, { recursive: true, force: true });
  const head = await restoreStore(source, beside, () => randomWord(systemClock)).catch(async (error: unknown) => {
    await rm(beside, { recursive: true, force: true });
    throw error;
  });
  const aside = exists ? `${store}-before-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "")}` : undefined;
  if (aside) await rename(store, aside);
  await rename(beside, store);
  await syncDirectory(directory);
  return { head, aside };
}

/** A store may be replaced that is damaged, but none that a server has open. */
async function refuseInUse(store: string): Promise<void> {
  try {
    const engine = await LevelEngine.open({ directory: store, newEpoch: () => randomWord(systemClock) });
    await engine.close();
  } catch (error) {
    if (error instanceof StoreInUse || !(error instanceof StoreRefused)) throw error;
  }
}
