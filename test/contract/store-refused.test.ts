/** Stores that are not opened, each with a message that says why and what to do, and nothing changed. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { promisify } from "node:util";
import { ClassicLevel } from "classic-level";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { append, bodies, log } from "./appends.ts";
import { filesIn, openLevel } from "./store-files.ts";

const opener = new URL("open-store-process.ts", import.meta.url).pathname;
const refused = (message: RegExp) => ({ name: "StoreRefused", message });

/** A closed store with chunks and receipts. */
async function filled(t: TestContext): Promise<string> {
  const directory = join(temporaryDirectory(t), "store");
  const engine = await openLevel(directory, { checkpointBytes: 1 });
  for (const body of ["one", "two", "three"]) await append(engine, ["alice"], body, { dedupeKey: `alice ${body}` });
  await engine.close();
  return directory;
}

async function setSchema(directory: string, version: number): Promise<void> {
  const db = new ClassicLevel(directory);
  await db.put("!schema", JSON.stringify({ version, epoch: "e" }));
  await db.close();
}

describe("a store is refused", () => {
  it("that another process has", async (t) => {
    const directory = await filled(t);
    const engine = await openLevel(directory);
    const { stderr } = await promisify(execFile)(process.execPath, [opener, directory]);
    assert.match(stderr, /StoreRefused: The store in .* is in use by another process\. Stop that one/);
    await engine.close();
  });

  it("of a newer Parley, and of an older one", async (t) => {
    const directory = await filled(t);
    await setSchema(directory, 3);
    await assert.rejects(
      openLevel(directory),
      refused(/schema version 3; this Parley reads version 2\. Start the Parley/),
    );
    await setSchema(directory, 1);
    await assert.rejects(openLevel(directory), refused(/schema version 1, .*cannot convert it.*another directory/));
    await setSchema(directory, 2);
    await (await openLevel(directory)).close();
  });

  it("whose chunk file is gone or short", async (t) => {
    const directory = await filled(t);
    const [path = ""] = filesIn(directory, "chunks");
    truncateSync(path, 10);
    await assert.rejects(
      openLevel(directory),
      refused(/is damaged: .*has 10 bytes instead of \d+\. Nothing was changed/),
    );
    rmSync(path);
    await assert.rejects(openLevel(directory), refused(/is damaged: .*has 0 bytes instead of/));
  });

  it("whose receipts are damaged, while they are needed to know repeats", async (t) => {
    const directory = await filled(t);
    const [path = ""] = filesIn(directory, "receipts");
    const bytes = readFileSync(path);
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
    writeFileSync(path, bytes);
    await assert.rejects(openLevel(directory), refused(/is damaged: checksum of .*receipts/));
  });

  it("whose directory cannot be made", async (t) => {
    const file = join(temporaryDirectory(t), "file");
    writeFileSync(file, "");
    await assert.rejects(openLevel(join(file, "store")), refused(/cannot be opened: .*Check that the directory/));
  });
});

it("a damaged chunk is never served", async (t) => {
  const directory = await filled(t);
  for (const path of filesIn(directory, "chunks")) {
    const bytes = readFileSync(path);
    bytes[bytes.length - 3] = (bytes.at(-3) as number) ^ 1;
    writeFileSync(path, bytes);
  }
  const engine = await openLevel(directory);
  await assert.rejects(bodies(engine, "alice"), { name: "StorageUnavailable", message: /checksum of .*chunks/ });
  assert.equal((await engine.head(log("alice"))).tail, 3);
  await engine.close();
});
