/** A directory for the store of one test, removed when its file's process ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const directories = new Map<object, string>();

// Not after the test: what it does then is done in the order in which it was asked for, and a server that still looks for its
// files would be asked to stop after they are gone.
process.once("exit", () => {
  for (const directory of directories.values()) rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
});

/** The same directory for the same test context. */
export function temporaryDirectory(context: object): string {
  const known = directories.get(context);
  if (known) return known;
  const directory = mkdtempSync(join(tmpdir(), "parley-test-"));
  directories.set(context, directory);
  return directory;
}
