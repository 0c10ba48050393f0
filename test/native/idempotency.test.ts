/** A repeated `clientId`: stored once, answered with the first one's positions; reuse is an error (PROTOCOL.md, "Sending"). */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { ServerMessages } from "@parley/protocol";
import { overEachCarrier } from "./carriers.ts";
import { startNativeServer } from "./native-server.ts";
import { Peer, type Sent } from "./peer.ts";

const first = { op: "send", clientId: "c-1", to: "bob", body: "once", contentType: "text/x", type: "t" };

/** What a repeat's answer shares with the first one's. */
const same = ({ id, ts, positions, durability }: ServerMessages["ok"]) => ({ id, ts, positions, durability });

async function bodiesOf(peer: Peer, log: string): Promise<string[]> {
  return (await peer.ask({ op: "history", log }, "page")).messages.map(({ body }) => body);
}

overEachCarrier("a clientId", (carrier) => {
  it("that is repeated is stored once, from whatever device and connection", async (t) => {
    const server = await startNativeServer(t);
    const bob = await Peer.login(carrier, server, "bob", { device: "b" });
    const phone = await Peer.login(carrier, server, "alice", { device: "phone" });
    const stored = await phone.ask(first, "ok");
    assert.equal(stored.duplicate, undefined);
    await bob.expectBodies("once");
    const repeat = await phone.ask({ ...first, ref: "again" }, "ok", {
      ref: "again",
      clientId: "c-1",
      duplicate: true,
    });
    assert.deepEqual(same(repeat), same(stored));
    await phone.cut();
    for (const device of ["phone", "laptop"]) {
      const peer = await Peer.connect(carrier, server);
      await peer.hello({ user: "ALICE", device });
      if (device === "laptop") await peer.expectBodies("once");
      await peer.expect("live");
      assert.deepEqual(same(await peer.ask(first, "ok", { duplicate: true })), same(stored));
    }
    await bob.silence();
    assert.deepEqual(await bodiesOf(bob, "bob"), ["once"]);
  });

  it("that is repeated in the same breath is stored once", async (t) => {
    const server = await startNativeServer(t);
    const bob = await Peer.login(carrier, server, "bob");
    const alice = await Peer.login(carrier, server, "alice");
    alice.send(first, first, { ...first, body: "another" }, { ...first, clientId: "c-2", body: "next" });
    const stored = await alice.expect("ok");
    assert.deepEqual(same(await alice.expect("ok", { duplicate: true })), same(stored));
    await alice.expect("error", { code: "client_id_reused", clientId: "c-1" });
    assert.deepEqual(
      (await alice.expect("ok")).positions?.map(({ seq }) => seq),
      [2, 2],
    );
    await bob.expectBodies("once", "next");
    await bob.silence();
  });

  it("is remembered over a restart of the server", async (t) => {
    const running = await startNativeServer(t, { engine: "level" });
    await (await Peer.login(carrier, running, "bob")).cut();
    const stored = await (await Peer.login(carrier, running, "alice")).ask(first, "ok");
    await running.stop();
    const restarted = await startNativeServer(t, { engine: "level" });
    const alice = await Peer.connect(carrier, restarted);
    await alice.hello({ user: "alice" });
    await alice.expectBodies("once");
    await alice.expect("live");
    const repeat = await alice.ask(first, "ok", { duplicate: true });
    assert.deepEqual(same(repeat), same(stored));
    assert.deepEqual(await bodiesOf(alice, "alice"), ["once"]);
    await alice.ask({ ...first, body: "another" }, "error", { code: "client_id_reused" });
  });

  const others: readonly Sent[] = [
    { body: "another" },
    { to: "carol" },
    { to: ["bob", "carol"] },
    { contentType: "text/y" },
    { contentType: undefined },
    { type: "u" },
    { type: undefined },
    { encoding: "base64" },
  ];
  it("with another content is client_id_reused and changes nothing", async (t) => {
    const server = await startNativeServer(t);
    const bob = await Peer.login(carrier, server, "bob");
    const carol = await Peer.login(carrier, server, "carol");
    const alice = await Peer.login(carrier, server, "alice");
    const stored = await alice.ask(first, "ok");
    await bob.expectBodies("once");
    for (const other of others) {
      const request = { ...first, ref: "r", ...other };
      await alice.ask(request, "error", { ref: "r", clientId: "c-1", code: "client_id_reused" });
    }
    for (const peer of [bob, carol]) await peer.silence();
    assert.deepEqual(same(await alice.ask(first, "ok", { duplicate: true })), same(stored));
  });

  it("with the same content but another wish for its carriage is a repeat", async (t) => {
    const server = await startNativeServer(t);
    const bob = await Peer.login(carrier, server, "bob");
    const alice = await Peer.login(carrier, server, "alice");
    const stored = await alice.ask(first, "ok");
    await bob.expectBodies("once");
    for (const wish of [{ ttl: 5 }, { receipt: true }, { copy: false }, { durability: "memory" }, { to: "BOB" }]) {
      assert.deepEqual(same(await alice.ask({ ...first, ...wish }, "ok", { duplicate: true })), same(stored));
    }
    await bob.silence();
  });

  it("belongs to its user: another user's is another message", async (t) => {
    const server = await startNativeServer(t);
    const bob = await Peer.login(carrier, server, "bob");
    for (const user of ["alice", "carol"]) {
      const { duplicate } = await (await Peer.login(carrier, server, user)).ask(first, "ok");
      assert.equal(duplicate, undefined);
    }
    await bob.expectBodies("once", "once");
  });

  it("that is missing makes a repeat a second message", async (t) => {
    const server = await startNativeServer(t);
    const bob = await Peer.login(carrier, server, "bob");
    const alice = await Peer.login(carrier, server, "alice");
    const ids = [await alice.deliver("bob", "same"), await alice.deliver("bob", "same")].map(({ id }) => id);
    assert.equal(new Set(ids).size, 2);
    await bob.expectBodies("same", "same");
  });

  it("repeated is told who is online now", async (t) => {
    const server = await startNativeServer(t);
    await (await Peer.login(carrier, server, "bob")).cut();
    const alice = await Peer.login(carrier, server, "alice");
    await alice.told();
    await alice.ask(first, "ok", { recipients: [{ to: "bob", state: "stored" }] });
    const bob = await Peer.connect(carrier, server);
    await bob.hello({ user: "bob" });
    await alice.ask(first, "ok", { duplicate: true, recipients: [{ to: "bob", state: "online" }] });
  });

  it("of a refused send is free", async (t) => {
    const alice = await Peer.login(carrier, await startNativeServer(t), "alice");
    await alice.ask(first, "error", { code: "unknown_user" });
    alice.send({ ...first, to: "alice" });
    await alice.expectBodies("once");
    assert.equal((await alice.expect("ok")).duplicate, undefined);
  });
});
