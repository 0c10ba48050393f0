import assert from "node:assert/strict";
import { test } from "node:test";
import { loadedModules, loadedPackages } from "../testing/loaded-modules.ts";

test("the browser path loads nothing of Node and of other packages only the protocol's main entry", async () => {
  const entry = new URL("index.ts", import.meta.url);
  assert.deepEqual(await loadedPackages(entry), ["@parley/protocol"]);
  assert.ok((await loadedModules(entry)).size > 20, "the walk has found the library's files");
});

test("neither does the protocol's main entry", async () => {
  assert.deepEqual(await loadedPackages(new URL(import.meta.resolve("@parley/protocol"))), []);
});

test("the walk sees Node's modules where they are", async () => {
  assert.ok((await loadedPackages(new URL("node.ts", import.meta.url))).includes("node:net"));
});
