/**
 * A file of the journal that a checkpoint has moved, kept to be written over again: a synced write into what a file has
 * already is the data alone, where one that makes it grow has the file system write of it too
 * (docs/adr/0016-journal-files-again.md). There is one at most, under a name that no reader of the journal looks at.
 */
import { rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";

const spareName = "spare";
/** Larger ones are given back: a journal grew so long under load that will not last. */
const maxBytes = 64 * 1024 * 1024;

/** Gives the spare file, if there is one, the name `path`, at which there is none. The caller syncs the directory. */
export async function takeSpare(directory: string, path: string): Promise<void> {
  try {
    await rename(join(directory, spareName), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** Makes the file at `path` the spare one, instead of another. */
export async function keepSpare(directory: string, path: string): Promise<void> {
  const spare = join(directory, spareName);
  await rename(path, spare);
  // Nobody links it by this name. Who did before, a backup, reads it as it is.
  const { nlink, size } = await stat(spare);
  if (nlink > 1 || size > maxBytes) await rm(spare);
}

/** Gives its space back. */
export async function removeSpare(directory: string): Promise<void> {
  await rm(join(directory, spareName), { force: true });
}
