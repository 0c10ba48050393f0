/**
 * The end of the journal after a crash, at every byte: what was torn while it was written is cut off, and every commit
 * before it is there. What was on disk and is damaged now is refused: never served, never skipped.
 */
import assert from "node:assert/strict";
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { append, bodies } from "./appends.ts";
import { copyStore, filesIn, openLevel } from "./store-files.ts";

const damaged = { name: "StoreRefused", message: /is damaged: journal record \d+ is (damaged|missing)/ };

/** A store as a crash leaves it after these bodies, a commit each, and how long the journal was after each. */
async function crashed(t: TestContext, texts: readonly string[]) {
  const live = join(temporaryDirectory(t), "live");
  const directory = join(temporaryDirectory(t), "crashed");
  const engine = await openLevel(live);
  const [journal = ""] = filesIn(live, "journal");
  const ends: number[] = [];
  for (const text of texts) {
    await append(engine, ["alice", "bob"], text, { dedupeKey: `alice ${text}` });
    ends.push(readFileSync(journal).length);
  }
  copyStore(live, directory);
  await engine.close();
  const [path = ""] = filesIn(directory, "journal");
  return { directory, path, ends };
}

describe("the end of the journal", () => {
  it("may be torn at any byte: every commit before it is there, and the store goes on", async (t) => {
    const { directory, path, ends } = await crashed(t, ["one", "two", "three é"]);
    const whole = readFileSync(path);
    for (let length = ends[0] as number; length <= whole.length; length++) {
      for (const rest of ["nothing", "zeros"] as const) {
        const torn = join(temporaryDirectory(t), `torn-${length}-${rest}`);
        copyStore(directory, torn);
        const file = join(torn, path.slice(directory.length));
        if (rest === "nothing") truncateSync(file, length);
        else writeFileSync(file, Buffer.concat([whole.subarray(0, length), Buffer.alloc(whole.length - length)]));
        const engine = await openLevel(torn);
        const kept = ["one", "two", "three é"].slice(0, ends.filter((end) => end <= length).length);
        assert.deepEqual(await bodies(engine, "alice"), kept, `${length} bytes, then ${rest}`);
        const again = await append(engine, ["alice", "bob"], "two", { dedupeKey: "alice two" });
        assert.equal(again.duplicate, kept.includes("two"));
        assert.equal((await append(engine, ["bob"], "next")).positions[0]?.seq, Math.max(2, kept.length) + 1);
        await engine.close();
        const reopened = await openLevel(torn);
        assert.deepEqual((await bodies(reopened, "bob")).at(-1), "next");
        await reopened.close();
        rmSync(torn, { recursive: true });
      }
    }
  });

  it("refuses a change of any byte of a record that was on disk when a later one was written", async (t) => {
    const { directory, path, ends } = await crashed(t, ["one", "two", "three"]);
    const whole = readFileSync(path);
    for (let at = 0; at < (ends[1] as number); at++) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] as number) ^ 0x10;
      writeFileSync(path, changed);
      await assert.rejects(openLevel(directory), damaged, `byte ${at}`);
    }
    writeFileSync(path, whole);
    const engine = await openLevel(directory);
    assert.deepEqual(await bodies(engine, "alice"), ["one", "two", "three"]);
    await engine.close();
  });

  it("is cut off before a torn record that nobody synced, though a later one is whole", async (t) => {
    const live = join(temporaryDirectory(t), "live");
    const directory = join(temporaryDirectory(t), "crashed");
    const engine = await openLevel(live);
    const [journal = ""] = filesIn(live, "journal");
    const ends: number[] = [];
    for (const text of ["set aside", "torn", "whole"]) {
      const before = readFileSync(journal).length;
      await append(engine, ["alice"], text, { durability: "memory" });
      // Told before it is written: the commit goes on after that.
      while (readFileSync(journal).length === before) await new Promise(setImmediate);
      ends.push(readFileSync(journal).length);
    }
    copyStore(live, directory);
    await engine.close();
    const [path = ""] = filesIn(directory, "journal");
    const bytes = readFileSync(path);
    bytes.fill(0, ends[0], ends[1]);
    writeFileSync(path, bytes);
    const recovered = await openLevel(directory);
    assert.deepEqual(await bodies(recovered, "alice"), ["set aside"]);
    const { positions } = await append(recovered, ["alice"], "next");
    assert.ok((positions[0]?.seq ?? 0) > 3, "a seq that may have been told is not used again");
    await recovered.close();
  });

  it("refuses a change anywhere after a clean end", async (t) => {
    const directory = join(temporaryDirectory(t), "closed");
    const engine = await openLevel(directory);
    await append(engine, ["alice"], "acknowledged");
    await engine.close();
    const [path = ""] = filesIn(directory, "journal");
    const whole = readFileSync(path);
    const changed = Buffer.from(whole);
    const at = whole.indexOf("acknowledged");
    changed[at] = (changed[at] as number) ^ 1;
    writeFileSync(path, changed);
    await assert.rejects(openLevel(directory), damaged);
  });

  it("refuses a journal that is gone, or whose first file is", async (t) => {
    const { directory, path } = await crashed(t, ["one"]);
    rmSync(path);
    await assert.rejects(openLevel(directory), damaged);
    rmSync(join(directory, "journal"), { recursive: true });
    await assert.rejects(openLevel(directory), damaged);
  });

  it("removes the copy that a crash left while it was made", async (t) => {
    const { directory, path } = await crashed(t, ["one"]);
    writeFileSync(`${path}.copy`, "half");
    const engine = await openLevel(directory);
    assert.deepEqual(await bodies(engine, "alice"), ["one"]);
    assert.deepEqual(filesIn(directory, "journal"), [path]);
    await engine.close();
  });
});
