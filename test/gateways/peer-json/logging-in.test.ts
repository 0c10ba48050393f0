/** `peer-json`, logging in: who one may be, what waits, what comes before the login has finished, and logging in again. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { MemoryEngine } from "../../../packages/server/src/engine/memory.ts";
import { GatedEngine } from "../../../packages/server/testing/gated-engine.ts";
import { tcp } from "../../native/carriers.ts";
import type { NativeServer } from "../../native/native-server.ts";
import { Peer } from "../../native/peer.ts";
import { JsonPeer, startPeerJsonServer } from "./json-peer.ts";

describe("logging in", () => {
  it("is not answered, makes the peer known and online", async (t) => {
    const server = await startPeerJsonServer(t);
    const bob = await JsonPeer.join(server, "bob");
    bob.say("alice", "too early");
    await bob.expect({ error: "peer alice does not exist" });
    const alice = await JsonPeer.join(server, "alice");
    bob.say("alice", "hello");
    await alice.expectFrom("bob", "hello");
    assert.deepEqual([await bob.told(), await alice.told()], [[], []]);
  });

  it("brings what waited, oldest first, and once", async (t) => {
    const server = await startPeerJsonServer(t);
    const bob = await JsonPeer.join(server, "bob");
    const alice = await JsonPeer.join(server, "alice");
    await alice.leave();
    const texts = Array.from({ length: 300 }, (_, n) => `waiting ${n}`);
    bob.say("alice", ...texts);
    assert.equal((await bob.told()).length, 300);
    const again = await JsonPeer.login(server, "alice");
    await again.expectFrom("bob", ...texts);
    bob.say("alice", "and live");
    await again.expectFrom("bob", "and live");
    await again.leave();
    await JsonPeer.join(server, "alice");
  });

  it("takes a name however it is spelt, and keeps the first spelling", async (t) => {
    const server = await startPeerJsonServer(t);
    const alice = await JsonPeer.login(server, "Alice");
    await alice.told();
    const bob = await JsonPeer.join(server, "bob");
    bob.say("ALICE", "hello");
    await alice.expectFrom("bob", "hello");
    alice.send({ from: "aLiCe", to: "BOB", msg: "hello you" });
    await bob.expect({ from: "Alice", to: "bob", msg: "hello you" });
  });

  for (const name of ["", "a b", "#room", "*", "x".repeat(65), "tab\t", "\ud800", "server", "Broker", "push"]) {
    it(`refuses the name ${JSON.stringify(name).slice(0, 20)} with a reason, and goes on`, async (t) => {
      const server = await startPeerJsonServer(t);
      const peer = await JsonPeer.connect(server);
      peer.send({ login: name });
      await peer.expectError(/name/);
      peer.login("alice");
      assert.deepEqual(await peer.told(), []);
    });
  }

  it("again by the same name changes nothing", async (t) => {
    const server = await startPeerJsonServer(t);
    const watcher = await Peer.login(tcp, server, "watcher");
    // Before she comes: who asks in the moment after it is told twice.
    await watcher.ask({ op: "watch", users: ["alice"] }, "ok");
    const alice = await JsonPeer.join(server, "alice");
    await watcher.untilPresence("alice", true);
    await watcher.deliver("alice", "1", { copy: false });
    alice.send({ login: "alice" }, { login: "ALICE" });
    await watcher.deliver("alice", "2", { copy: false });
    await alice.expectFrom("watcher", "1", "2");
    assert.deepEqual(await alice.told(), []);
    await watcher.silence();
  });

  it("by another name makes the connection that peer, and nobody else", async (t) => {
    const server = await startPeerJsonServer(t);
    const bob = await JsonPeer.join(server, "bob");
    const alice = await JsonPeer.join(server, "alice");
    alice.login("carol");
    assert.deepEqual(await alice.told(), []);
    bob.say("alice", "are you away?");
    bob.say("carol", "are you there?");
    await bob.expectError("connection to alice closed");
    await alice.expectFrom("bob", "are you there?");
    alice.send({ from: "alice", to: "bob", msg: "I was" });
    await alice.expectError(/"from" has to be carol/);
    alice.send({ login: "not a name" });
    await alice.expectError(/name/);
    assert.deepEqual(await alice.told(), [], "a login that failed leaves everything as it was");
  });
});

describe("before the login has finished", () => {
  it("what comes is carried out after it, in order, though all is in one segment with the login", async (t) => {
    const { server, engine } = await startGated(t);
    const bob = await JsonPeer.join(server, "bob");
    const release = engine.hold("write");
    const alice = await JsonPeer.connect(server);
    const texts = Array.from({ length: 100 }, (_, n) => `early ${n}`);
    alice.name = "alice";
    alice.send({ login: "alice" }, ...texts.map((msg) => ({ from: "alice", to: "bob", msg })), "nonsense");
    while (engine.waiting("write") === 0) await setImmediate();
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    assert.deepEqual([alice.text.take(), bob.text.take()], [[], []]);
    release();
    await bob.expectFrom("alice", ...texts);
    await alice.expectError(/expected/);
    assert.deepEqual(await alice.told(), []);
  });

  it("a peer that goes away is not left online", { timeout: 5_000 }, async (t) => {
    const { server, engine } = await startGated(t);
    const bob = await JsonPeer.join(server, "bob");
    const release = engine.hold("write");
    const alice = await JsonPeer.login(server, "alice");
    while (engine.waiting("write") === 0) await setImmediate();
    await alice.text.cut();
    release();
    await until(async () => {
      bob.say("alice", "are you there?");
      const [answer] = await bob.told();
      return answer?.error === "connection to alice closed";
    });
  });

  it("a store that cannot serve the login is told, and the next login may succeed", async (t) => {
    const { server, engine } = await startGated(t);
    engine.fail("write");
    const alice = await JsonPeer.login(server, "alice");
    await alice.expectError("the store cannot serve this now");
    engine.heal();
    alice.login("alice");
    assert.deepEqual(await alice.told(), []);
    engine.fail("append");
    alice.say("alice", "lost");
    await alice.expectError("the test refuses append");
    engine.heal();
  });
});

/** A server whose store waits and refuses as the test says. */
async function startGated(t: TestContext): Promise<{ server: NativeServer; engine: GatedEngine }> {
  const engine = new GatedEngine(new MemoryEngine(() => "e1"));
  return { server: await startPeerJsonServer(t, {}, { wrapEngine: () => engine }), engine };
}

/** Asks until it is so; the test's time limit ends it. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo()));
}
