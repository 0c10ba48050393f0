/** The files of the level engine: orphans go when it is opened, and what was trimmed does not cost its space for ever. */
import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Engine } from "../../packages/server/src/engine/engine.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { append, bodies, log } from "./appends.ts";
import { filesIn, openLevel } from "./store-files.ts";

const names = ["alice", "bob", "carol"];
const text = (i: number) => `${i} ${"x".repeat(1000)}`;
const size = (paths: readonly string[]) => paths.reduce((sum, path) => sum + statSync(path).size, 0);

/** Appends one message after the other to all logs; checkpoints come as they are due. */
async function fill(engine: Engine, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) await append(engine, names, text(i), { dedupeKey: `alice ${i}`, ts: i });
}

describe("the files of a store", () => {
  it("that nothing knows of are removed when it is opened", async (t) => {
    const directory = join(temporaryDirectory(t), "store");
    const first = await openLevel(directory, { checkpointBytes: 20_000 });
    await fill(first, 0, 50);
    await first.close();
    const known = (["chunks", "receipts"] as const).flatMap((part) => filesIn(directory, part));
    for (const part of ["chunks", "receipts"]) writeFileSync(join(directory, part, "00000000zzz"), "left behind");
    const second = await openLevel(directory);
    assert.deepEqual(
      (["chunks", "receipts"] as const).flatMap((part) => filesIn(directory, part)),
      known,
    );
    assert.equal((await bodies(second, "bob")).length, 50);
    assert.equal((await append(second, names, text(7), { dedupeKey: "alice 7" })).duplicate, true);
    await second.close();
  });

  it("shrink with what is trimmed, also where one log of many keeps all of its messages", async (t) => {
    const directory = join(temporaryDirectory(t), "store");
    let engine = await openLevel(directory, { checkpointBytes: 20_000, volumeBytes: 1000 });
    await fill(engine, 0, 200);
    await engine.close();
    const before = size(filesIn(directory, "chunks"));
    assert.ok(before > 500_000, `${before} bytes`);
    engine = await openLevel(directory, { checkpointBytes: 20_000, volumeBytes: 1000 });
    const tails = await Promise.all(names.map(async (name) => (await engine.head(log(name))).tail));
    // A read under way sees what it began with, whatever is moved meanwhile.
    const [kept] = await Promise.all([
      bodies(engine, "carol"),
      engine.trim(log("alice"), 201),
      engine.trim(log("bob"), 195),
    ]);
    assert.deepEqual(
      kept,
      Array.from({ length: 200 }, (_, i) => text(i)),
    );
    assert.deepEqual(await bodies(engine, "carol"), kept);
    assert.deepEqual(await bodies(engine, "bob"), kept.slice(194));
    await engine.trim(log("carol"), 190);
    const after = size(filesIn(directory, "chunks"));
    assert.ok(after < before / 5, `${before} bytes became ${after}`);
    await engine.close();

    engine = await openLevel(directory, { checkpointBytes: 20_000, volumeBytes: 1000 });
    assert.deepEqual(await Promise.all(names.map(async (name) => (await engine.head(log(name))).tail)), tails);
    assert.deepEqual(await bodies(engine, "alice"), []);
    assert.deepEqual(await bodies(engine, "carol"), kept.slice(189));
    assert.equal((await append(engine, ["alice"], "next")).positions[0]?.seq, 201);
    await engine.close();
  });
});
