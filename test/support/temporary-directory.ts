/** A directory for the store of one test, removed when the test ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Owner {
  after(work: () => void): void;
}

const directories = new WeakMap<Owner, string>();

/** The same directory for the same test context. */
export function temporaryDirectory(context: Owner): string {
  const known = directories.get(context);
  if (known) return known;
  const directory = mkdtempSync(join(tmpdir(), "parley-test-"));
  directories.set(context, directory);
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
