/** `device-text`, who is there: numbers, the greeting, `help`, and devices as users of other gateways. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { MemoryEngine } from "../../../packages/server/src/engine/memory.ts";
import { GatedEngine } from "../../../packages/server/testing/gated-engine.ts";
import { tcp } from "../../native/carriers.ts";
import { Peer } from "../../native/peer.ts";
import { TextPeer } from "../../support/text-peer.ts";
import { Device, info, startDeviceTextServer } from "./device.ts";

const first = 100_000_000;

describe("a device", () => {
  it("is given the next number and told who else is there, then and whenever it asks", async (t) => {
    const server = await startDeviceTextServer(t);
    const a = await Device.connect(server);
    assert.equal(
      a.greeting,
      "Your ID: 100000000\nConnected Devices: \n[100000000]\nChat usage: send,destinationId,msg",
    );
    const b = await Device.connect(server);
    assert.equal(b.greeting, info(first + 1, [first, first + 1]));
    const c = await Device.connect(server);
    await a.ask("help", info(first, [first, first + 1, first + 2]));
    await b.leave();
    await c.ask("help", info(first + 2, [first, first + 2]));
    assert.deepEqual(await a.told(), [], "nobody is told without having asked");
  });

  it("never gets a number that somebody had", async (t) => {
    const server = await startDeviceTextServer(t);
    for (let n = 0; n < 5; n++) {
      const device = await Device.connect(server);
      assert.equal(device.id, first + n);
      await device.leave();
    }
  });

  it("does not get a number that is the name of a user already", async (t) => {
    const engine = new GatedEngine(new MemoryEngine(() => "e1"));
    const server = await startDeviceTextServer(t, {}, { wrapEngine: () => engine });
    const squatter = await Peer.login(tcp, server, "100000000");
    const release = engine.hold("write");
    const connecting = Promise.all([Device.connect(server), Device.connect(server)]);
    while (engine.waiting("write") < 2) await setImmediate();
    release();
    const [one, two] = await connecting;
    assert.deepEqual([one.id, two.id].sort(), [first + 1, first + 2]);
    for (const device of [one, two]) await device.ask("help", info(device.id, [first + 1, first + 2]));
    await squatter.silence();
  });

  it("has a number of its own though hundreds come at once, and the lists are in order", async (t) => {
    const server = await startDeviceTextServer(t);
    const devices = await Promise.all(Array.from({ length: 200 }, () => Device.connect(server)));
    const ids = devices.map(({ id }) => id).sort((a, b) => a - b);
    assert.deepEqual(
      ids,
      ids.map((_, n) => first + n),
    );
    for (const device of devices) await device.ask("help", info(device.id, ids));
  });

  it("hears the greeting before anything else, and what it says before it comes after it", async (t) => {
    const engine = new GatedEngine(new MemoryEngine(() => "e1"));
    const server = await startDeviceTextServer(t, {}, { wrapEngine: () => engine });
    const release = engine.hold("write");
    const peer = await TextPeer.connect(server.webSocketPort);
    peer.send("nonsense", `send,${first},early`, "help");
    while (engine.waiting("write") === 0) await setImmediate();
    release();
    await peer.expect(info(first, [first]), "Error reading the command", info(first, [first]), `${first}:early`);
  });

  it("that is gone before it has its number is nobody's neighbour", async (t) => {
    const engine = new GatedEngine(new MemoryEngine(() => "e1"));
    const server = await startDeviceTextServer(t, {}, { wrapEngine: () => engine });
    const release = engine.hold("write");
    const gone = await TextPeer.connect(server.webSocketPort);
    while (engine.waiting("write") === 0) await setImmediate();
    await gone.cut();
    release();
    const other = await Device.connect(server);
    assert.equal(other.greeting, info(first + 1, [first + 1]));
  });

  it("is told when the store cannot give it a number, and let go", async (t) => {
    const engine = new GatedEngine(new MemoryEngine(() => "e1"));
    const server = await startDeviceTextServer(t, {}, { wrapEngine: () => engine });
    engine.fail("write");
    const peer = await TextPeer.connect(server.webSocketPort);
    await peer.expect("Temporarily unavailable");
    assert.equal((await peer.ended()).code, 1011);
    engine.heal();
    await Device.connect(server);
  });
});

describe("a device and other gateways", () => {
  it("is the user named by its number", async (t) => {
    const server = await startDeviceTextServer(t);
    const alice = await Peer.login(tcp, server, "alice");
    // Before it comes: who asks in the moment after it is told twice.
    await alice.ask({ op: "watch", users: ["100000000"] }, "ok");
    const device = await Device.connect(server);
    await alice.untilPresence("100000000", true);
    await alice.deliver("100000000", "hello, device");
    await device.expect("alice:hello, device");
    device.say("send,alice,hello, alice");
    await alice.expect("message", { from: "100000000", to: "alice", body: "hello, alice" });
    await device.leave();
    await alice.untilPresence("100000000", false);
  });

  it("what comes for a device that is gone is kept for who logs in by its number", async (t) => {
    const server = await startDeviceTextServer(t);
    const device = await Device.connect(server);
    await device.leave();
    const alice = await Peer.login(tcp, server, "alice");
    await alice.deliver(String(device.id), "for later");
    const native = await Peer.connect(tcp, server);
    await native.hello({ user: String(device.id) });
    await native.expectBodies("for later");
  });

  it("a room that its user joined is heard by the device, and may be sent to", async (t) => {
    const server = await startDeviceTextServer(t);
    const device = await Device.connect(server);
    const alice = await Peer.login(tcp, server, "alice");
    await alice.ask({ op: "join", room: "#room" }, "ok");
    await device.ask("send,#room,let me in", "Not a member of this room");
    const self = await Peer.login(tcp, server, String(device.id));
    await self.ask({ op: "join", room: "#room" }, "ok");
    await alice.deliver("#room", "welcome");
    await device.expect("alice:welcome");
    device.say("send,#room,thanks");
    await alice.expect("message", { from: String(device.id), to: "#room", body: "thanks" });
    assert.deepEqual(await device.told(), []);
  });

  it("everybody hears what is sent to *, the sender excepted", async (t) => {
    const server = await startDeviceTextServer(t);
    const a = await Device.connect(server);
    const b = await Device.connect(server);
    const alice = await Peer.login(tcp, server, "alice");
    a.say("send,*,to all");
    await b.expect(`${a.id}:to all`);
    await alice.expect("message", { to: "*", body: "to all" });
    await alice.deliver("*", "to all of you too");
    for (const device of [a, b]) await device.expect("alice:to all of you too");
    const late = await Device.connect(server);
    assert.deepEqual([await a.told(), await b.told(), await late.told()], [[], [], []]);
  });

  it("bodies that are not text are shown as the text they travel as", async (t) => {
    const server = await startDeviceTextServer(t);
    const device = await Device.connect(server);
    const alice = await Peer.login(tcp, server, "alice");
    await alice.deliver(String(device.id), "AAEC", { encoding: "base64" });
    await alice.deliver(String(device.id), '{"a":1}', { contentType: "application/json" });
    await device.expect("alice:AAEC", 'alice:{"a":1}');
  });
});
