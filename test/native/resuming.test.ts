/** Where a session starts (PROTOCOL.md, "Logs and positions", "Life of a connection" 2 and 8, `gap`, `reset`). */
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { overEachCarrier } from "./carriers.ts";
import type { Carrier } from "./link.ts";
import { type NativeServer, startNativeServer } from "./native-server.ts";
import { Peer, type Sent } from "./peer.ts";

async function hello(carrier: Carrier, server: NativeServer, user: string, more: Sent = {}) {
  const peer = await Peer.connect(carrier, server);
  const { positions } = await peer.hello({ user, device: "d", ...more });
  const at = Object.fromEntries(positions.map(({ log, seq }) => [log, seq]));
  return { peer, positions, at, epoch: positions[0]?.epoch ?? "" };
}

/** Bob is known and away, and has messages 1 to `count`; his device `d` has acknowledged up to `acked`. */
async function bobWith(carrier: Carrier, server: NativeServer, count: number, acked = 0) {
  const { peer, epoch } = await hello(carrier, server, "bob");
  await peer.expect("live");
  const alice = await Peer.login(carrier, server, "alice");
  for (let n = 1; n <= count; n++) await alice.deliver("bob", `${n}`, { copy: false });
  for (let n = 1; n <= count; n++) await peer.expectBodies(`${n}`);
  if (acked > 0) peer.send({ op: "ack", log: "bob", seq: acked });
  await peer.silence();
  await peer.cut();
  return { alice, epoch };
}

overEachCarrier("hello with positions", (carrier) => {
  for (const [what, seq, bodies] of [
    ["backwards of the cursor", 1, ["2", "3", "4", "5"]],
    ["at the beginning", 0, ["1", "2", "3", "4", "5"]],
    ["forwards of the cursor", 4, ["5"]],
    ["at the end", 5, []],
  ] as const) {
    it(`resumes ${what}, which is the cursor from then on`, async (t) => {
      const server = await startNativeServer(t);
      const { epoch } = await bobWith(carrier, server, 5, 3);
      for (const positions of [[{ log: "BOB", epoch, seq }], []]) {
        const { peer, at } = await hello(carrier, server, "bob", { positions });
        assert.deepEqual(at, { bob: seq, "*": 0 });
        await peer.expectBodies(...bodies);
        await peer.expect("live");
        await peer.cut();
      }
    });
  }

  it("delivers what waits in several logs oldest first", async (t) => {
    const server = await startNativeServer(t);
    const { peer } = await hello(carrier, server, "bob");
    const alice = await Peer.login(carrier, server, "alice");
    await peer.expect("live");
    for (const one of [peer, alice]) await one.ask({ op: "join", room: "#room" }, "ok");
    await peer.cut();
    // More than one read of any of the logs, unevenly spread.
    const to = (n: number) => (n % 7 === 0 ? "*" : n % 3 === 0 ? "#room" : "bob");
    const bodies = Array.from({ length: 600 }, (_, n) => `${n}`);
    for (const [n, body] of bodies.entries()) await alice.deliver(to(n), body, { copy: false });
    const { peer: back } = await hello(carrier, server, "bob");
    await back.expectBodies(...bodies);
    await back.expect("live");
  });

  it("uses the cursor for logs that are not among them", async (t) => {
    const server = await startNativeServer(t);
    const { alice, epoch } = await bobWith(carrier, server, 3, 2);
    await alice.deliver("*", "all");
    const { peer, at } = await hello(carrier, server, "bob", { positions: [{ log: "*", epoch, seq: 1 }] });
    assert.deepEqual(at, { bob: 2, "*": 1 });
    await peer.expectBodies("3");
    await peer.expect("live");
  });

  for (const [what, position] of [
    ["of another epoch", { epoch: "another", seq: 1 }],
    ["beyond the end", { seq: 6 }],
    ["far beyond the end", { seq: Number.MAX_SAFE_INTEGER }],
  ] as const) {
    it(`${what} is answered by reset right after welcome, and goes on at the cursor`, async (t) => {
      const server = await startNativeServer(t);
      const { epoch } = await bobWith(carrier, server, 5, 3);
      const positions = [
        { log: "bob", epoch, ...position },
        { log: "*", epoch, seq: 0 },
      ];
      const { peer, at } = await hello(carrier, server, "bob", { positions });
      assert.deepEqual(at, { bob: 3, "*": 0 });
      assert.deepEqual(await peer.next(), { op: "reset", log: "bob", epoch, seq: 3 });
      await peer.expectBodies("4", "5");
      await peer.expect("live");
    });
  }
});

overEachCarrier("a device", (carrier) => {
  it("that is new starts where its user has acknowledged on some device", async (t) => {
    const server = await startNativeServer(t);
    await bobWith(carrier, server, 5, 3);
    const { peer, at } = await hello(carrier, server, "bob", { device: "new" });
    assert.deepEqual(at, { bob: 3, "*": 0 });
    await peer.expectBodies("4", "5");
    peer.send({ op: "ack", log: "bob", seq: 5 });
    await peer.expect("live");
    await peer.silence();
    assert.equal((await hello(carrier, server, "bob", { device: "newer" })).at.bob, 5);
    assert.equal((await hello(carrier, server, "bob", { device: undefined })).at.bob, 5);
    assert.equal((await hello(carrier, server, "bob")).at.bob, 3, "each device has its own cursor");
  });

  it("without a name moves its user's cursor and has none of its own", async (t) => {
    const server = await startNativeServer(t);
    await bobWith(carrier, server, 3);
    const first = await hello(carrier, server, "bob", { device: undefined });
    await first.peer.expectBodies("1", "2", "3");
    first.peer.send({ op: "ack", log: "bob", seq: 2 });
    await first.peer.expect("live");
    await first.peer.cut();
    assert.equal((await hello(carrier, server, "bob", { device: undefined })).at.bob, 2);
  });

  it("keeps its cursor over a restart of the server, and so does the log", async (t) => {
    const running = await startNativeServer(t, { engine: "level" });
    const { epoch } = await bobWith(carrier, running, 3, 2);
    await running.stop();
    const restarted = await startNativeServer(t, { engine: "level" });
    const { peer, positions } = await hello(carrier, restarted, "BOB");
    assert.deepEqual(positions[0], { log: "bob", epoch, seq: 2 });
    await peer.expectBodies("3");
    await peer.expect("live");
  });

  it("that says hello again replaces its older connection, which is not to connect again", async (t) => {
    const server = await startNativeServer(t);
    const { alice } = await bobWith(carrier, server, 2, 1);
    const older = await hello(carrier, server, "bob");
    await older.peer.expectBodies("2");
    await older.peer.expect("live");
    const newer = await hello(carrier, server, "Bob", { device: "D" });
    const { message, ...bye } = await older.peer.expect("bye");
    assert.deepEqual(bye, { op: "bye", code: "replaced", reconnect: false });
    assert.notEqual(message, "");
    await older.peer.endsBy("replaced");
    await newer.peer.expectBodies("2");
    await newer.peer.expect("live");
    await alice.deliver("bob", "3");
    await newer.peer.expectBodies("3");
    const other = await hello(carrier, server, "bob", { device: "other" });
    await other.peer.expectBodies("2", "3");
    await newer.peer.silence();
  });
});

overEachCarrier("a gap", (carrier) => {
  it("tells what retention has removed, and counts as having it", async (t) => {
    const server = await startNativeServer(t, { "retention.maxMessages": 2, "retention.intervalSeconds": 1 });
    const { alice, epoch } = await bobWith(carrier, server, 5, 1);
    const reader = await hello(carrier, server, "bob", { device: "reader" });
    const kept = async () => (await reader.peer.ask({ op: "history", log: "bob" }, "page")).messages.length;
    await reader.peer.expectBodies("2", "3", "4", "5");
    await reader.peer.expect("live");
    while ((await kept()) > 2);
    const { peer } = await hello(carrier, server, "bob");
    assert.deepEqual(await peer.next(), { op: "gap", log: "bob", from: 2, to: 3, reason: "retention" });
    await peer.expectBodies("4", "5");
    await peer.expect("live");
    const fromStart = await hello(carrier, server, "bob", { positions: [{ log: "bob", epoch, seq: 0 }] });
    await peer.expect("bye", { code: "replaced" });
    assert.deepEqual(await fromStart.peer.next(), { op: "gap", log: "bob", from: 1, to: 3, reason: "retention" });
    await alice.silence();
  });

  it("tells what was sent with durability memory and lost in a crash", async (t) => {
    const dataDir = join(temporaryDirectory(t), "alive");
    const running = await startNativeServer(t, { engine: "level", dataDir });
    const { alice } = await bobWith(carrier, running, 1);
    for (const body of ["2", "3"]) await alice.deliver("bob", body, { durability: "memory", copy: false });
    // What a crash leaves behind: the store as it is while the server runs.
    const crashed = join(temporaryDirectory(t), "crashed");
    cpSync(dataDir, crashed, { recursive: true, filter: (file) => !file.endsWith("LOCK") });
    await running.stop();
    const restarted = await startNativeServer(t, { engine: "level", dataDir: crashed });
    const { peer } = await hello(carrier, restarted, "bob");
    await peer.expectBodies("1");
    let message = await peer.next();
    while (message.op === "message") message = await peer.next();
    assert.ok(message.op === "gap" && message.log === "bob" && message.reason === "lost", JSON.stringify(message));
    const { to } = message;
    await peer.expect("live");
    const sender = await Peer.login(carrier, restarted, "alice");
    const { positions } = await sender.deliver("bob", "after the crash", { copy: false });
    assert.equal(positions?.[0]?.seq, to + 1);
    await peer.expectBodies("after the crash");
  });
});
