/** A session's window, its fall-back from live to reading, and what happens to it while the store takes its time. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { login, openCore, TestConnection, turns } from "../../testing/core-fixture.ts";
import { GatedEngine } from "../../testing/gated-engine.ts";
import { MemoryEngine } from "../engine/memory.ts";

const gated = () => new GatedEngine(new MemoryEngine(() => "e1"));

describe("the window", () => {
  it("lets as many messages out as are not acknowledged, over all logs", async () => {
    const core = await openCore();
    const bob = await login(core, "bob", { window: 2 });
    const alice = await login(core, "alice");
    assert.deepEqual(bob.connection.told(), ["live"]);
    for (const to of ["bob", "*", "bob", "*"]) await alice.send(to, "m");
    assert.deepEqual(bob.connection.told(), ["bob 1 m", "* 1 m"]);
    bob.do({ op: "ack", log: "bob", seq: 1 });
    await turns();
    assert.deepEqual(bob.connection.told(), ["bob 2 m"]);
    bob.do({ op: "ack", log: "*", seq: 1 });
    await turns();
    assert.deepEqual(bob.connection.told(), ["* 2 m", "live"]);
  });

  it("counts a message once, however often it is acknowledged", async () => {
    const core = await openCore();
    const bob = await login(core, "bob", { window: 2 });
    const alice = await login(core, "alice");
    for (const body of ["1", "2", "3", "4", "5"]) await alice.send("bob", body);
    for (let times = 0; times < 5; times++) bob.do({ op: "ack", log: "bob", seq: 1 });
    await turns();
    assert.deepEqual(bob.connection.told(), ["live", "bob 1 1", "bob 2 2", "bob 3 3"]);
  });
});

describe("a connection that is full", () => {
  it("makes the session a reader of its logs, which takes no more than has room, and is live again after it", async () => {
    const engine = gated();
    const core = await openCore({ engine });
    const bob = await login(core, "bob");
    const alice = await login(core, "alice");
    bob.connection.told();
    bob.connection.room = 2;
    for (let n = 1; n <= 1000; n++) alice.do({ op: "send", to: "bob", body: `${n}` });
    await turns();
    assert.deepEqual(bob.connection.told(), ["bob 1 1", "bob 2 2"]);
    assert.equal(engine.calls.read, 0, "nothing is read for who has no room for it");
    bob.connection.room = 3;
    bob.session.drained();
    await turns();
    assert.deepEqual(bob.connection.told(), ["bob 3 3", "bob 4 4", "bob 5 5"]);
    assert.equal(engine.calls.read, 1);
    await alice.send("bob", "1001");
    assert.deepEqual(bob.connection.told(), []);
    bob.connection.room = Number.POSITIVE_INFINITY;
    bob.session.drained();
    await turns();
    const rest = bob.connection.told();
    assert.deepEqual([rest.length, rest[0], rest.at(-2), rest.at(-1)], [997, "bob 6 6", "bob 1001 1001", "live"]);
    await alice.send("bob", "1002");
    assert.deepEqual(bob.connection.told(), ["bob 1002 1002"]);
  });

  it("is told the presence that it missed as it is when there is room again", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const core = await openCore();
    const bob = await login(core, "bob");
    const alice = await login(core, "alice");
    t.mock.timers.tick(20);
    alice.do({ op: "watch", users: ["bob"] });
    assert.deepEqual(alice.connection.told(), ["live", "ok", "presence bob online"]);
    alice.connection.room = 0;
    bob.session.end();
    t.mock.timers.tick(20);
    const again = await login(core, "bob");
    t.mock.timers.tick(20);
    again.session.end();
    t.mock.timers.tick(20);
    assert.deepEqual(alice.connection.told(), []);
    alice.connection.room = 10;
    alice.session.drained();
    assert.deepEqual(alice.connection.told(), ["presence bob offline"]);
  });
});

describe("a session that begins", () => {
  it("is told nothing before its welcome, and then what happened meanwhile", async () => {
    const core = await openCore();
    const phone = await login(core, "alice", { device: "phone" });
    const bob = await login(core, "bob");
    await phone.send("bob", "hi", { receipt: true });
    const connection = new TestConnection();
    const laptop = await core.core.login(connection, { user: "alice", device: "laptop" });
    assert.ok(laptop.ok);
    bob.do({ op: "ack", log: "bob", seq: 1 });
    phone.do({ op: "join", room: "#room" });
    await turns();
    await phone.send("#room", "to the room");
    assert.deepEqual(connection.told(), []);
    assert.deepEqual(
      laptop.value.welcome.positions.map(({ log }) => log),
      ["alice", "*"],
    );
    laptop.value.session.start();
    await turns();
    const told = connection.told();
    assert.deepEqual(told.slice(0, 2), ["receipt bob/d delivered", "reset #room 0"]);
    assert.deepEqual(told.slice(2).sort(), ["#room 1 to the room", "alice 1 hi", "live"]);
  });

  it("reads no room that the user leaves meanwhile, and every room that the user joins meanwhile", async () => {
    const engine = gated();
    const core = await openCore({ engine });
    const phone = await login(core, "alice", { device: "phone" });
    for (const room of ["#left", "#kept"]) phone.do({ op: "join", room });
    await turns();
    const release = engine.hold("head");
    const connection = new TestConnection();
    const beginning = core.core.login(connection, { user: "alice", device: "laptop" });
    await turns();
    phone.do({ op: "leave", room: "#left" });
    await turns();
    release();
    const result = await beginning;
    assert.ok(result.ok);
    assert.deepEqual(
      result.value.welcome.positions.map(({ log }) => log),
      ["alice", "#kept", "*"],
    );
  });

  it("is no session if the store refuses to serve it", async () => {
    const engine = gated();
    const core = await openCore({ engine });
    const bob = await login(core, "bob");
    await (await login(core, "alice")).session.end();
    engine.fail("head");
    await assert.rejects(core.core.login(new TestConnection(), { user: "alice" }), /refuses head/);
    engine.heal();
    bob.connection.told();
    bob.do({ op: "users" });
    assert.deepEqual(bob.connection.told(), ["presence alice offline, bob online"]);
  });

  it("that is replaced while it begins does not begin", async () => {
    const engine = gated();
    const core = await openCore({ engine });
    await (await login(core, "alice")).session.end();
    const release = engine.hold("head");
    const first = new TestConnection();
    const second = new TestConnection();
    const logins = [core.core.login(first, { user: "alice", device: "d" })];
    await turns();
    logins.push(core.core.login(second, { user: "alice", device: "d" }));
    await turns();
    release();
    const [older, newer] = await Promise.all(logins);
    assert.ok(older?.ok && newer?.ok);
    assert.deepEqual([first.closed, second.closed], ["replaced", undefined]);
    assert.deepEqual([older.value.session.ended, newer.value.session.ended], [true, false]);
    assert.equal(older.value.session.subscriptions.size, 0);
  });
});

describe("a room that is left while its log is read", () => {
  it("is not delivered any more, and holds nothing of the window", async () => {
    const engine = gated();
    const core = await openCore({ engine });
    const alice = await login(core, "alice");
    const bob = await login(core, "bob", { window: 2 });
    for (const tester of [alice, bob]) tester.do({ op: "join", room: "#room" });
    await turns();
    bob.connection.told();
    bob.connection.room = 0;
    for (const body of ["1", "2", "3"]) await alice.send("#room", body);
    const release = engine.hold("read");
    bob.connection.room = 100;
    bob.session.drained();
    await turns();
    assert.equal(engine.waiting("read"), 1);
    bob.do({ op: "leave", room: "#room" });
    await turns();
    release();
    await turns();
    assert.deepEqual(bob.connection.told(), ["ok", "live"]);
    for (const body of ["1", "2", "3"]) await alice.send("bob", body);
    assert.deepEqual(bob.connection.told(), ["bob 1 1", "bob 2 2"]);
  });

  it("leaves no cursor behind, in memory or in the store, though one moves while the store takes its time", async () => {
    const engine = gated();
    const core = await openCore({ engine });
    const alice = await login(core, "alice");
    const bob = await login(core, "bob");
    for (const tester of [alice, bob]) tester.do({ op: "join", room: "#room" });
    await turns();
    for (const body of ["1", "2"]) await alice.send("#room", body);
    bob.do({ op: "ack", log: "#room", seq: 1 });
    const release = engine.hold("written");
    bob.do({ op: "leave", room: "#room" });
    await turns();
    bob.do({ op: "ack", log: "#room", seq: 2 });
    release();
    await turns();
    const cursors = (await engine.scan("cursor", "bob ")).map(([key]) => key);
    assert.deepEqual(cursors, []);
  });

  it("stays a room that is read where the store does not take the leaving", async () => {
    const engine = gated();
    const core = await openCore({ engine });
    const alice = await login(core, "alice");
    const bob = await login(core, "bob");
    for (const tester of [alice, bob]) tester.do({ op: "join", room: "#room" });
    await turns();
    bob.connection.told();
    engine.fail("write");
    bob.do({ op: "leave", room: "#room" });
    await turns();
    assert.deepEqual(bob.connection.told(), ["error storage_unavailable"]);
    await alice.send("#room", "still for bob");
    assert.deepEqual(bob.connection.told(), ["#room 1 still for bob"]);
  });
});

describe("a join that fails half way", () => {
  it("is finished by the next one, for all sessions", async () => {
    const engine = gated();
    const core = await openCore({ engine });
    const phone = await login(core, "alice", { device: "phone" });
    const laptop = await login(core, "alice", { device: "laptop" });
    for (const { connection } of [phone, laptop]) connection.told();
    const release = engine.hold("write");
    phone.do({ op: "join", room: "#room" });
    await turns();
    engine.fail("head");
    release();
    await turns();
    assert.deepEqual(phone.connection.told(), ["error storage_unavailable"]);
    engine.heal();
    phone.do({ op: "join", room: "#room" });
    await turns();
    assert.deepEqual(phone.connection.told(), ["ok"]);
    assert.deepEqual(laptop.connection.told(), ["reset #room 0"]);
    await phone.send("#room", "hi");
    assert.deepEqual(laptop.connection.told(), ["#room 1 hi"]);
  });
});

describe("a store that fails", () => {
  it("while a log is read is asked again until it answers", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const engine = gated();
    const core = await openCore({ engine });
    const bob = await login(core, "bob");
    const alice = await login(core, "alice");
    bob.connection.told();
    bob.connection.room = 0;
    await alice.send("bob", "1");
    engine.fail("read");
    bob.connection.room = 10;
    bob.session.drained();
    await turns();
    assert.deepEqual(bob.connection.told(), []);
    assert.match(core.problems.join("\n"), /a log could not be read.*refuses read/);
    engine.heal();
    t.mock.timers.tick(1000);
    await turns();
    assert.deepEqual(bob.connection.told(), ["bob 1 1", "live"]);
  });

  it("is an error for the request, and the next one is tried anew", async () => {
    const engine = gated();
    const core = await openCore({ engine });
    const alice = await login(core, "alice");
    alice.connection.told();
    for (const gate of ["append", "write", "read"] as const) engine.fail(gate);
    await alice.send("alice", "refused", { clientId: "c" });
    const [error] = alice.connection.take();
    assert.deepEqual(error?.op === "error" && [error.code, error.clientId], ["storage_unavailable", "c"]);
    alice.do({ op: "join", room: "#room" });
    alice.do({ op: "history", log: "alice" });
    await turns();
    assert.deepEqual(alice.connection.told(), ["error storage_unavailable", "error storage_unavailable"]);
    engine.heal();
    await alice.send("alice", "taken", { clientId: "c" });
    alice.do({ op: "join", room: "#room" });
    await turns();
    assert.deepEqual(alice.connection.told(), ["alice 1 taken", "ok", "ok"]);
  });
});
