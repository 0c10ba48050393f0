/**
 * Whether a disk that failed is well again, without touching the store on it: a store that is given up while it can still
 * be read would leave readers with nothing for as long as the disk is full. Called before a store is opened anew.
 */
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { copySuffix } from "./journal-files.ts";
import { removeSpare } from "./journal-spare.ts";
import { journalDirectory } from "./open-store.ts";

/** What LevelDB writes when it is opened, generously. */
const marginBytes = 1024 * 1024;
const pieceBytes = 1024 * 1024;

/**
 * Writes and syncs as much as opening the store in `directory` will, which writes the journal's last file, of `lastBytes`,
 * anew; rejects where the disk does not take it.
 */
export async function probeDisk(directory: string, lastBytes: number): Promise<void> {
  const journal = journalDirectory(directory);
  // It may be all the space that is missing.
  await removeSpare(journal);
  // A crash leaves nothing: opening removes what is called so.
  const path = join(journal, `probe${copySuffix}`);
  const piece = Buffer.alloc(pieceBytes, 1);
  try {
    const file = await open(path, "w", 0o600);
    try {
      for (let left = lastBytes + marginBytes; left > 0; left -= pieceBytes)
        await file.writeFile(piece.subarray(0, Math.min(left, pieceBytes)));
      await file.sync();
    } finally {
      await file.close();
    }
  } finally {
    await rm(path, { force: true });
  }
}
