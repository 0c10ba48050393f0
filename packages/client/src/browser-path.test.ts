import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

/** All modules that a browser loads for an entry: follows every import that survives type stripping. */
async function loadedModules(entry: URL, seen = new Set<string>()): Promise<Set<string>> {
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

test("the browser path loads nothing of Node and of other packages only the protocol's main entry", async () => {
  const modules = await loadedModules(new URL("index.ts", import.meta.url));
  const packages = [...modules].filter((module) => !module.startsWith("file:"));
  assert.deepEqual(packages, ["@parley/protocol"]);
  assert.ok(modules.size > 20, "the walk has found the library's files");
});

test("neither does the protocol's main entry", async () => {
  const modules = await loadedModules(new URL(import.meta.resolve("@parley/protocol")));
  assert.deepEqual(
    [...modules].filter((module) => !module.startsWith("file:")),
    [],
  );
});

test("the walk sees Node's modules where they are", async () => {
  const modules = await loadedModules(new URL("node.ts", import.meta.url));
  assert.ok(modules.has("node:net"));
});
