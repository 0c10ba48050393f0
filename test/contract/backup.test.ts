/** Backups of a level store at work: everything settled before is in them, a damaged one is refused, epochs are new. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Engine } from "../../packages/server/src/engine/engine.ts";
import { BackupEncoder, BackupRefused } from "../../packages/server/src/engine/level/backup-format.ts";
import { checkBackup, restoreStore } from "../../packages/server/src/engine/level/restore.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { append, bodies, log } from "./appends.ts";
import { openLevel } from "./store-files.ts";

const names = ["alice", "bob"];
const text = (i: number) => `${i} ${"x".repeat(500)}`;
const small = { checkpointBytes: 20_000, volumeBytes: 1000 };

async function* streamOf(bytes: Buffer, size = 1000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function backupOf(engine: Engine): Promise<Buffer> {
  assert.ok(engine.backup);
  const parts: Uint8Array[] = [];
  for await (const part of engine.backup()) parts.push(part);
  return Buffer.concat(parts);
}

const send = (engine: Engine, i: number) =>
  append(engine, names, text(i), { dedupeKey: `alice ${i}`, ts: i, digest: String(i) });

/** All bodies of a log, page by page. */
async function allBodies(engine: Engine, name: string): Promise<string[]> {
  const { first, tail } = await engine.head(log(name));
  const all: string[] = [];
  while (all.length < tail - first + 1) {
    const page = await bodies(engine, name, first - 1 + all.length);
    assert.ok(page.length > 0, `${name} ends at ${first + all.length} of ${tail}`);
    all.push(...page);
  }
  return all;
}

/** Appends one after the other until it is told to stop; resolves with how many were settled. */
function keepWriting(engine: Engine, from: number): { settled: () => number; stop: () => Promise<number> } {
  let going = true;
  let settled = from;
  const run = (async () => {
    while (going) {
      await send(engine, settled);
      settled += 1;
    }
  })();
  return {
    settled: () => settled,
    stop: async () => {
      going = false;
      await run;
      return settled;
    },
  };
}

describe("a backup of a level store", () => {
  it("holds what was settled before it began, in order, while checkpoints and trims go on", async (t) => {
    const directory = temporaryDirectory(t);
    const engine = await openLevel(join(directory, "store"), small);
    const writer = keepWriting(engine, 0);
    for (let round = 1; round <= 10; round++) {
      const target = round * 40;
      while (writer.settled() < target) await new Promise(setImmediate);
      await engine.trim(log("bob"), target - 30);
      const before = writer.settled();
      const backup = await backupOf(engine);
      const to = join(directory, `restored-${round}`);
      await restoreStore(streamOf(backup), to, () => `epoch-${round}`);
      const restored = await openLevel(to, small);
      const kept = await allBodies(restored, "alice");
      assert.ok(kept.length >= before, `${kept.length} of ${before} messages are in the backup`);
      assert.deepEqual(
        kept,
        kept.map((_, i) => text(i)),
      );
      assert.deepEqual(await allBodies(restored, "bob"), kept.slice((await restored.head(log("bob"))).first - 1));
      assert.equal((await restored.head(log("alice"))).epoch, `epoch-${round}`);
      await restored.close();
    }
    await writer.stop();
    assert.deepEqual(
      readdirSync(join(directory, "store")).filter((name) => name.startsWith("backup-")),
      [],
    );
    await engine.close();
  });

  it("keeps records, and what was sent before is known again, at its place in the new epoch", async (t) => {
    const directory = temporaryDirectory(t);
    const engine = await openLevel(join(directory, "store"), small);
    for (let i = 0; i < 60; i++) await send(engine, i);
    const at = { log: log("alice"), seq: 5 };
    const key = "alice phone alice" as const;
    const cursor = { user: "alice" as never, device: "phone" as never, ...at };
    await engine.write([
      { kind: "cursor", key, value: { ...cursor, epoch: "epoch" } },
      { kind: "cursor", key: "alice old alice", value: { ...cursor, epoch: "another" } },
      { kind: "secret", key: "push", value: { value: "hidden" } },
      { kind: "counter", key: "guest", value: { last: 7 } },
    ]);
    await restoreStore(streamOf(await backupOf(engine)), join(directory, "to"), () => "renewed");
    await engine.close();

    const restored = await openLevel(join(directory, "to"), small);
    assert.deepEqual(await restored.scan("secret", ""), [["push", { value: "hidden" }]]);
    assert.deepEqual(await restored.scan("counter", ""), [["guest", { last: 7 }]]);
    assert.deepEqual(await restored.scan("cursor", ""), [
      ["alice old alice", { ...cursor, epoch: "another" }],
      [key, { ...cursor, epoch: "renewed" }],
    ]);
    for (const i of [3, 59]) {
      const again = await send(restored, i);
      assert.equal(again.duplicate, true);
      assert.deepEqual(
        again.positions.map(({ epoch, seq }) => [epoch, seq]),
        [
          ["renewed", i + 1],
          ["renewed", i + 1],
        ],
      );
    }
    assert.deepEqual((await append(restored, ["new"], "x")).positions[0]?.epoch, "renewed");
    await restored.close();
  });

  it("leaves nothing behind: not when its reader goes away, and not after a crash once the store is opened", async (t) => {
    const directory = join(temporaryDirectory(t), "store");
    const links = () => readdirSync(directory).filter((name) => name.startsWith("backup-"));
    const engine = await openLevel(directory, small);
    for (let i = 0; i < 60; i++) await send(engine, i);
    const backup = engine.backup();
    await backup.next();
    assert.equal(links().length, 1);
    await backup.return(undefined);
    assert.deepEqual(links(), []);
    await engine.close();
    mkdirSync(join(directory, "backup-abcdef", "chunks"), { recursive: true });
    const again = await openLevel(directory, small);
    assert.deepEqual(links(), []);
    assert.equal((await allBodies(again, "alice")).length, 60);
    await again.close();
  });

  it("is refused where a byte differs, is missing or is too much", async (t) => {
    const directory = temporaryDirectory(t);
    const engine = await openLevel(join(directory, "store"), small);
    for (let i = 0; i < 60; i++) await send(engine, i);
    const backup = await backupOf(engine);
    await engine.close();
    assert.equal((await checkBackup(streamOf(backup))).schema, 2);
    const refused = (bytes: Buffer) => assert.rejects(checkBackup(streamOf(bytes, 10_000)), BackupRefused);
    const step = Math.ceil(backup.length / 150);
    for (let at = 0; at < backup.length; at += step) {
      const damaged = Buffer.from(backup);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      await refused(damaged);
      await refused(backup.subarray(0, at));
    }
    await refused(Buffer.concat([backup, Buffer.of(0)]));
  });

  it("writes nothing outside of the store, whatever it says", async (t) => {
    const encoder = new BackupEncoder();
    const parts = [
      encoder.begin(),
      encoder.encode({ type: "head", head: { schema: 2, createdAt: 0 } }),
      encoder.encode({ type: "file", path: "journal/../../../00000000001", bytes: 0 }),
      encoder.end(),
    ];
    const directory = join(temporaryDirectory(t), "to");
    await assert.rejects(
      restoreStore(streamOf(Buffer.concat(parts)), directory, () => "e"),
      /a file that no store has/,
    );
  });

  it("of another schema is refused", async () => {
    const encoder = new BackupEncoder();
    const head = encoder.encode({ type: "head", head: { schema: 3, createdAt: 0 } });
    await assert.rejects(
      checkBackup(streamOf(Buffer.concat([encoder.begin(), head, encoder.end()]))),
      /schema version 3; this Parley reads version 2/,
    );
  });
});
