/** Which modules a browser loads for an entry, so that tests can say what must not be among them. */
import { readFile } from "node:fs/promises";

/**
 * All modules that an entry loads: its files as URLs, and the names of packages, which are not followed. Sees every import
 * that survives type stripping.
 */
export async function loadedModules(entry: URL, seen = new Set<string>()): Promise<Set<string>> {
  if (seen.has(entry.href)) return seen;
  seen.add(entry.href);
  const source = await readFile(entry, "utf8");
  for (const [, clause = "", specifier = ""] of source.matchAll(/^(?:import|export)\s([^;]*?)from "([^"]+)";/gms)) {
    if (clause.startsWith("type ")) continue;
    if (specifier.startsWith(".")) await loadedModules(new URL(specifier, entry), seen);
    else seen.add(specifier);
  }
  return seen;
}

/** Those of them that are no files: packages, and Node's own. */
export async function loadedPackages(entry: URL): Promise<string[]> {
  return [...(await loadedModules(entry))].filter((module) => !module.startsWith("file:"));
}
