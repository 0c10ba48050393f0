/**
 * Keeps two processes off one file, by a lock file with the holder's process id. A lock whose process is gone (it was
 * killed) is taken over; a live one is refused with a message that says whose it is.
 */
import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { ParleyError } from "./errors.ts";

export interface FileLock {
  release(): Promise<void>;
}

/** Tells this process from a former one that had the same process id (usual in containers). */
const processToken = randomUUID();
const takeOverAttempts = 5;

/** Takes the lock at `path`. Rejects with `persistence_failed` when a live process (this one included) holds it. */
export async function lockFile(path: string): Promise<FileLock> {
  const content = `${process.pid} ${processToken}\n`;
  for (let attempt = 0; attempt < takeOverAttempts; attempt++) {
    if (await created(path, content)) return { release: () => rm(path, { force: true }) };
    const holder = await readFile(path, "utf8").catch(() => undefined);
    if (holder === undefined) continue;
    if (isAlive(holder)) throw inUse(path, holder);
    await removeStale(path, holder);
  }
  throw inUse(path, "another process");
}

async function created(path: string, content: string): Promise<boolean> {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, content, { mode: 0o600 });
  try {
    // A link appears with its content or not at all; nobody reads a lock that is half written.
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

function isAlive(holder: string): boolean {
  const [digits, token] = holder.trim().split(" ");
  const pid = Number(digits);
  if (pid === process.pid) return token === processToken;
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Removes a lock, unless it is not the stale one any more: then another process was faster, and gets it back. */
async function removeStale(path: string, stale: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  const taken = await readFile(aside, "utf8");
  if (taken !== stale) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

function inUse(path: string, holder: string): ParleyError {
  const pid = holder.trim().split(" ")[0];
  const message = `another client (process ${pid}) uses this file; if that is not so, remove ${path}`;
  return new ParleyError("persistence_failed", message);
}
