/** Receipts, `delivered` and `read` (PROTOCOL.md, "Receiving", `receipt`). */
import assert from "node:assert/strict";
import { it } from "node:test";
import { overEachCarrier } from "./carriers.ts";
import type { Carrier } from "./link.ts";
import { type NativeServer, startNativeServer } from "./native-server.ts";
import { Peer } from "./peer.ts";

async function threeDevices(carrier: Carrier, server: NativeServer) {
  const phone = await Peer.login(carrier, server, "Alice", { device: "phone" });
  const laptop = await Peer.login(carrier, server, "alice", { device: "laptop" });
  const bob = await Peer.login(carrier, server, "Bob", { device: "tablet" });
  return { phone, laptop, bob };
}

const wanted = { receipt: true, copy: false };

overEachCarrier("a receipt", (carrier) => {
  it("tells all the sender's sessions when a device has it, and again when somebody has read it", async (t) => {
    const { phone, laptop, bob } = await threeDevices(carrier, await startNativeServer(t));
    const { id } = await phone.deliver("bob", "hi", { ...wanted, clientId: "c-1" });
    await bob.expectBodies("hi");
    await phone.silence();
    const before = Date.now();
    bob.send({ op: "ack", log: "bob", seq: 1 });
    for (const peer of [phone, laptop]) {
      const { ts, ...receipt } = await peer.expect("receipt");
      const about = { id, clientId: "c-1", user: "Bob", device: "tablet" };
      assert.deepEqual(receipt, { op: "receipt", ...about, state: "delivered" });
      assert.ok(ts >= before && ts <= Date.now());
    }
    bob.send({ op: "ack", log: "bob", seq: 1 });
    await bob.silence();
    for (const peer of [phone, laptop]) await peer.silence();
    bob.send({ op: "ack", log: "bob", seq: 1, read: true });
    for (const peer of [phone, laptop]) await peer.expect("receipt", { id, state: "read" });
    bob.send({ op: "ack", log: "bob", seq: 1 }, { op: "ack", log: "bob", seq: 1, read: true });
    await bob.silence();
    for (const peer of [phone, laptop]) await peer.silence();
  });

  it("of read includes delivered: one that was read at once is told once", async (t) => {
    const { phone, bob } = await threeDevices(carrier, await startNativeServer(t));
    for (const body of ["1", "2", "3"]) await phone.deliver("bob", body, { ...wanted, clientId: body });
    await bob.expectBodies("1", "2", "3");
    bob.send({ op: "ack", log: "bob", seq: 1 });
    await phone.expect("receipt", { clientId: "1", state: "delivered" });
    bob.send({ op: "ack", log: "bob", seq: 3, read: true });
    for (const clientId of ["1", "2", "3"]) await phone.expect("receipt", { clientId, state: "read" });
    await phone.silence();
  });

  it("comes from each device of the recipient", async (t) => {
    const server = await startNativeServer(t);
    const { phone, bob } = await threeDevices(carrier, server);
    const other = await Peer.login(carrier, server, "bob", { device: "other" });
    const { id } = await phone.deliver("bob", "hi", wanted);
    for (const peer of [other, bob]) {
      await peer.expectBodies("hi");
      peer.send({ op: "ack", log: "bob", seq: 1 });
      const { clientId, device } = await phone.expect("receipt", { id, state: "delivered" });
      assert.deepEqual([clientId, device], [undefined, peer === bob ? "tablet" : "other"]);
    }
  });

  it("comes from each recipient of a list who is a user", async (t) => {
    const server = await startNativeServer(t);
    const { phone, bob } = await threeDevices(carrier, server);
    const carol = await Peer.login(carrier, server, "carol");
    for (const peer of [bob, carol]) await peer.ask({ op: "join", room: "#room" }, "ok");
    await phone.ask({ op: "join", room: "#room" }, "ok");
    await phone.deliver(["bob", "#room", "carol", "*"], "hi", wanted);
    for (const peer of [bob, carol]) {
      const logs = (await peer.expectBodies("hi", "hi", "hi")).map(({ log }) => log);
      for (const log of logs) peer.send({ op: "ack", log, seq: 1, read: true });
      await phone.expect("receipt", { user: peer === bob ? "Bob" : "carol", state: "read" });
      await phone.silence();
    }
  });

  it("is not made by the sender's own devices for their copies", async (t) => {
    const { phone, laptop, bob } = await threeDevices(carrier, await startNativeServer(t));
    await phone.deliver("bob", "hi", { receipt: true });
    await laptop.expectBodies("hi");
    laptop.send({ op: "ack", log: "alice", seq: 1, read: true });
    for (const peer of [laptop, phone]) await peer.silence();
    await bob.expectBodies("hi");
    bob.send({ op: "ack", log: "bob", seq: 1 });
    for (const peer of [laptop, phone]) await peer.expect("receipt", { user: "Bob", state: "delivered" });
  });

  it("is made for a message to oneself", async (t) => {
    const { phone, laptop } = await threeDevices(carrier, await startNativeServer(t));
    phone.send({ op: "send", to: "alice", body: "note", receipt: true });
    await phone.expectBodies("note");
    await phone.expect("ok");
    await laptop.expectBodies("note");
    laptop.send({ op: "ack", log: "alice", seq: 1 });
    for (const peer of [laptop, phone]) await peer.expect("receipt", { user: "Alice", device: "laptop" });
  });

  it("is not made where it was not asked for, and not stored for who is away", async (t) => {
    const server = await startNativeServer(t);
    const { phone, laptop, bob } = await threeDevices(carrier, server);
    await phone.deliver("bob", "no receipt", { copy: false });
    await phone.deliver("bob", "receipt", wanted);
    await bob.expectBodies("no receipt", "receipt");
    bob.send({ op: "ack", log: "bob", seq: 1 });
    await bob.silence();
    for (const peer of [phone, laptop]) await peer.silence();
    await phone.cut();
    bob.send({ op: "ack", log: "bob", seq: 2 });
    await laptop.expect("receipt");
    const back = await Peer.login(carrier, server, "alice", { device: "phone" });
    await back.silence();
  });

  it("waits for the message's own acknowledgement when it is sent again to a later session", async (t) => {
    const server = await startNativeServer(t);
    const { phone, bob } = await threeDevices(carrier, server);
    const { id } = await phone.deliver("bob", "hi", wanted);
    await bob.expectBodies("hi");
    await bob.cut();
    const back = await Peer.connect(carrier, server);
    await back.hello({ user: "bob", device: "tablet" });
    await back.expectBodies("hi");
    back.send({ op: "ack", log: "bob", seq: 1 });
    await phone.expect("receipt", { id, device: "tablet", state: "delivered" });
  });
});
