/**
 * Files of the journal that are written over again: what a file held before is never taken for what it holds, wherever a
 * crash comes, and a backup keeps the file that it has linked.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, it, type TestContext } from "node:test";
import { probeDisk } from "../../packages/server/src/engine/level/disk-probe.ts";
import type { LevelEngine, LevelOptions } from "../../packages/server/src/engine/level/level-engine.ts";
import { restoreStore } from "../../packages/server/src/engine/level/restore.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { append, bodies } from "./appends.ts";
import { copyStore, filesIn, openLevel } from "./store-files.ts";

const checkpointBytes = 3000;
/** From here on records are of one length, as texts are: a new one ends just where an old one begins. */
const seqsOfThreeDigits = 100;
const text = (i: number) => `message ${String(i).padStart(5, "0")}`;
const texts = (count: number) => Array.from({ length: count }, (_, i) => text(i));
const send = (engine: LevelEngine, i: number, durability: "fsync" | "memory" = "fsync") =>
  append(engine, ["alice"], text(i), { ts: 1, id: `id-${String(i).padStart(5, "0")}`, durability });

/** The journal's files without the spare one, sorted. */
const journalOf = (directory: string) => filesIn(directory, "journal").filter((path) => !path.endsWith("spare"));

/** The store `live`, whose last journal file is one that was written before, behind whose records old ones are; how many were sent. */
async function reused(
  t: TestContext,
  options: Partial<LevelOptions> = {},
): Promise<{ live: string; engine: LevelEngine; sent: number }> {
  const live = join(temporaryDirectory(t), "live");
  const engine = await openLevel(live, { ...options, checkpointBytes });
  let sent = 0;
  while (sent < seqsOfThreeDigits) await send(engine, sent++);
  for (let checkpoints = 0; checkpoints < 4; checkpoints++) {
    while (!engine.figures().checkpointing) await send(engine, sent++);
    // Nothing is sent meanwhile, so that the next one is not due as soon as this one is over.
    while (engine.figures().checkpointing) await new Promise(setImmediate);
  }
  // Into what is there, and not far: most of it is old still.
  for (let more = 0; more < 3; more++) await send(engine, sent++);
  assert.equal(journalOf(live).length, 1);
  return { live, engine, sent };
}

describe("a journal file that is used again", () => {
  it("is one of two, however many checkpoints there are, and all is there afterwards", async (t) => {
    const directory = join(temporaryDirectory(t), "store");
    const engine = await openLevel(directory, { checkpointBytes });
    const [names, files] = [new Set<string>(), new Set<number>()];
    for (let i = 0; i < 300; i++) {
      await send(engine, i);
      for (const path of journalOf(directory)) {
        names.add(path);
        files.add(statSync(path, { throwIfNoEntry: false })?.ino ?? 0);
      }
    }
    files.delete(0);
    await engine.close();
    assert.ok(names.size > 5, `${names.size} files of the journal`);
    assert.ok(files.size <= 3, `${files.size} files on the disk`);
    assert.ok(readdirSync(join(directory, "journal")).includes("spare"));
    const again = await openLevel(directory);
    assert.ok(!readdirSync(join(directory, "journal")).includes("spare"));
    assert.deepEqual(await bodies(again, "alice"), texts(300));
    await again.close();
  });

  it("may be torn at any byte between new and old", async (t) => {
    const { live, engine, sent } = await reused(t);
    const [path = ""] = journalOf(live);
    const before = readFileSync(path);
    await send(engine, sent);
    const after = readFileSync(path);
    const whole = join(temporaryDirectory(t), "crashed");
    copyStore(live, whole);
    await engine.close();
    assert.equal(after.length, before.length, "nothing old was behind it");
    const differing = [...after.keys()].filter((at) => after[at] !== before[at]);
    const [from = 0, to = 0] = [differing[0], differing.at(-1)];
    assert.ok(to - from > 50, `bytes ${from} to ${to} are new`);
    for (let at = from; at <= to + 1; at++) {
      const torn = join(temporaryDirectory(t), `torn-${at}`);
      copyStore(whole, torn);
      writeFileSync(join(torn, path.slice(live.length)), Buffer.concat([after.subarray(0, at), before.subarray(at)]));
      const kept = texts(at > to ? sent + 1 : sent);
      const recovered = await openLevel(torn);
      assert.deepEqual(await bodies(recovered, "alice"), kept, `torn at ${at} of ${from} to ${to}`);
      assert.equal((await append(recovered, ["alice"], "next")).positions[0]?.seq, kept.length + 1);
      await recovered.close();
      const reopened = await openLevel(torn);
      assert.deepEqual(await bodies(reopened, "alice"), [...kept, "next"]);
      await reopened.close();
      rmSync(torn, { recursive: true });
    }
  });

  it("ends before a record that nobody synced and that is not there, though old and new ones follow", async (t) => {
    const { live, engine, sent } = await reused(t);
    const [path = ""] = journalOf(live);
    // The first of many waits for the disk.
    await send(engine, sent, "memory");
    const before = readFileSync(path);
    const marks: Buffer[] = [];
    for (let i = sent + 1; i <= sent + 2; i++) {
      const last = readFileSync(path);
      await send(engine, i, "memory");
      while (readFileSync(path).equals(last)) await new Promise(setImmediate);
      marks.push(readFileSync(path));
    }
    const directory = join(temporaryDirectory(t), "crashed");
    copyStore(live, directory);
    await engine.close();
    const [first, both] = marks as [Buffer, Buffer];
    const end = [...first.keys()].findLast((at) => first[at] !== before[at]) as number;
    // The second is on disk, the first is as it was.
    writeFileSync(
      join(directory, path.slice(live.length)),
      Buffer.concat([before.subarray(0, end + 1), both.subarray(end + 1)]),
    );
    const recovered = await openLevel(directory);
    assert.deepEqual(await bodies(recovered, "alice"), texts(sent + 1));
    const { positions } = await append(recovered, ["alice"], "next");
    assert.ok((positions[0]?.seq ?? 0) > sent + 3, "a seq that may have been told is not used again");
    await recovered.close();
  });

  it("may have a next one after it when a crash comes", async (t) => {
    const directory = join(temporaryDirectory(t), "crashed");
    let copied = false;
    let source = "";
    const { live, engine, sent } = await reused(t, {
      onStep: (step) => {
        // The old file is not dropped yet, the new one is there or on its way.
        if (step !== "checkpoint-records" || source === "" || copied || journalOf(source).length < 2) return;
        copyStore(source, directory);
        copied = true;
      },
    });
    source = live;
    let settled = sent;
    while (!copied) await send(engine, settled++);
    await engine.close();
    assert.equal(journalOf(directory).length, 2);
    const recovered = await openLevel(directory);
    const kept = await bodies(recovered, "alice");
    assert.ok(kept.length >= settled - 1, `${kept.length} of ${settled}`);
    assert.deepEqual(kept, texts(kept.length));
    await recovered.close();
  });

  it("is not, while a backup has it", async (t) => {
    const { engine, sent } = await reused(t);
    const backup = engine.backup();
    const parts = [(await backup.next()).value as Buffer];
    for (let i = sent; i < sent + 200; i++) await send(engine, i);
    for await (const part of backup) parts.push(part);
    await engine.close();
    const to = join(temporaryDirectory(t), "restored");
    await restoreStore(Readable.from(parts), to, () => "epoch");
    const restored = await openLevel(to);
    const kept = await bodies(restored, "alice");
    assert.ok(kept.length >= sent, `${kept.length} of ${sent}`);
    assert.deepEqual(kept, texts(kept.length));
    await restored.close();
  });

  it("is not, once the disk has failed: its space may be all that is missing", async (t) => {
    const directory = temporaryDirectory(t);
    mkdirSync(join(directory, "journal"));
    const spare = join(directory, "journal", "spare");
    writeFileSync(spare, "old records");
    await probeDisk(directory, 0);
    assert.ok(!existsSync(spare));
  });
});
