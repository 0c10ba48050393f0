/** Cursors: a device's own, the user's furthest, and what is left of them when a room is left. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { DeviceKey, LogName, UserKey } from "@parley/protocol";
import { GatedEngine } from "../../testing/gated-engine.ts";
import { MemoryEngine } from "../engine/memory.ts";
import { Cursors } from "./cursors.ts";

const alice = "alice" as UserKey;
const log = "#room" as LogName;
const device = (name: string) => name as DeviceKey;
const at = (seq: number, epoch = "e1") => ({ seq, epoch });

async function open() {
  const engine = new GatedEngine(new MemoryEngine(() => "e1"));
  const cursors = new Cursors(engine);
  assert.equal(await cursors.start(alice, device("phone"), log), undefined);
  return { engine, cursors };
}

/** What is handed to the engine from now on. */
function commits(engine: GatedEngine): string[] {
  const told: string[] = [];
  const commitCursor = engine.commitCursor.bind(engine);
  engine.commitCursor = (record) => {
    told.push(`${record.key} ${record.value?.seq}`);
    commitCursor(record);
  };
  return told;
}

describe("cursors", () => {
  it("start a device at its own, backwards too, and a new device at the furthest of its user", async () => {
    const { cursors } = await open();
    cursors.of(alice, device("phone"), true, log).moved(at(5));
    cursors.of(alice, device("laptop"), true, log).moved(at(9));
    cursors.of(alice, device("phone"), true, log).moved(at(3));
    const starts = ["phone", "laptop", "new"].map((name) => cursors.start(alice, device(name), log));
    assert.deepEqual(await Promise.all(starts), [at(3), at(9), at(9)]);
    assert.equal(await cursors.ofUser(alice, log, "e1"), 9);
    assert.equal(await cursors.ofUser(alice, log, "e2"), 0, "a seq means nothing in another epoch");
    assert.equal(await cursors.start(alice, device("phone"), "alice" as LogName), undefined);
    assert.equal(await cursors.start("alicea" as UserKey, device("phone"), log), undefined);
  });

  it("of another epoch take the place of the user's, whatever the seq", async () => {
    const { cursors } = await open();
    cursors.of(alice, device("phone"), true, log).moved(at(9));
    cursors.of(alice, device("phone"), true, log).moved(at(1, "e2"));
    assert.deepEqual(await cursors.start(alice, device("new"), log), at(1, "e2"));
  });

  it("of a device of one connection move its user's alone", async () => {
    const { cursors, engine } = await open();
    cursors.of(alice, device("session-x"), false, log).moved(at(4));
    assert.deepEqual(await cursors.start(alice, device("session-x"), log), at(4));
    assert.deepEqual(
      (await engine.scan("cursor", "")).map(([key]) => key),
      ["alice  #room"],
    );
  });

  it("are loaded once, and by others as they were written", async () => {
    const { cursors, engine } = await open();
    cursors.of(alice, device("phone"), true, log).moved(at(5));
    const scans = engine.calls.scan;
    await Promise.all([cursors.start(alice, device("a"), log), cursors.ofUser(alice, log, "e1")]);
    assert.equal(engine.calls.scan, scans);
    const others = new Cursors(engine);
    const loaded = await Promise.all([
      others.start(alice, device("phone"), log),
      others.start(alice, device("new"), log),
    ]);
    assert.partialDeepStrictEqual(loaded, [at(5), at(5)]);
    others.of(alice, device("phone"), true, log).moved(at(6));
    assert.deepEqual(await others.start(alice, device("phone"), log), at(6));
  });

  it("that do not move are not written", async () => {
    const { cursors, engine } = await open();
    const phone = cursors.of(alice, device("phone"), true, log);
    const written = commits(engine);
    for (const seq of [5, 5, 3, 5, 6]) phone.moved(at(seq));
    assert.deepEqual(written, [
      "alice phone #room 5",
      "alice  #room 5",
      "alice phone #room 3",
      "alice phone #room 5",
      "alice phone #room 6",
      "alice  #room 6",
    ]);
  });

  it("are forgotten for one log, in memory and in the store, those that move meanwhile too", async () => {
    const { cursors, engine } = await open();
    for (const name of [log, "#roomy" as LogName, "alice" as LogName])
      for (const one of ["phone", "laptop"]) cursors.of(alice, device(one), true, name).moved(at(5));
    const keys = ["alice  #room", "alice laptop #room", "alice phone #room"];
    assert.deepEqual((await cursors.keysOf(alice, log)).sort(), keys);
    cursors.of(alice, device("tablet"), true, log).moved(at(6));
    await cursors.forget(alice, log);
    assert.equal(await cursors.start(alice, device("phone"), log), undefined);
    assert.equal(await cursors.ofUser(alice, log, "e1"), 0);
    const left = (await engine.scan("cursor", "")).map(([key]) => key);
    assert.equal(left.length, 6);
    assert.ok(left.every((key) => !key.endsWith(" #room")));
  });
});
