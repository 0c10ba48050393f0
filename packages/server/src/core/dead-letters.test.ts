/** Dead letters of what a reader was to be given and cannot be: expired by then, or too large for its protocol. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LogName } from "@parley/protocol";
import { login, ManualClock, openCore, turns } from "../../testing/core-fixture.ts";
import { GatedEngine } from "../../testing/gated-engine.ts";
import { dead } from "../../testing/letters.ts";
import { MemoryEngine } from "../engine/memory.ts";

describe("an expired message that a reader meets", () => {
  it("becomes a dead letter once, whoever else meets it, and again after a restart", async () => {
    const engine = new MemoryEngine(() => "e1");
    const clock = new ManualClock();
    const fixture = await openCore({ engine, clock });
    const bob = await login(fixture, "bob");
    (await login(fixture, "alice")).session.end();
    await bob.send("alice", "old", { ttl: 10, copy: false });
    clock.time += 10;
    for (const device of ["one", "two"]) {
      const { connection } = await login(fixture, "alice", { device });
      assert.deepEqual(connection.told(), ["gap alice 1-1 expired", "live"]);
    }
    const restarted = await openCore({ engine, clock });
    const { connection } = await login(restarted, "alice");
    assert.deepEqual(connection.told(), ["gap alice 1-1 expired", "live"]);
    assert.deepEqual(await dead(fixture), ["expired alice 1: "]);
  });

  it("is none where the user has acknowledged it on another device, nor for the sender's copies", async () => {
    const fixture = await openCore();
    const alice = await login(fixture, "alice", { device: "phone" });
    const laptop = await login(fixture, "alice", { device: "laptop" });
    laptop.do({ op: "ack", log: "alice", seq: 0 });
    laptop.session.end();
    const bob = await login(fixture, "bob", { device: "one" });
    await bob.send("alice", "in time", { ttl: 10 });
    alice.do({ op: "ack", log: "alice", seq: 1 });
    fixture.clock.time += 10;
    const late = await login(fixture, "alice", { device: "laptop" });
    const bobsOther = await login(fixture, "bob", { device: "two" });
    assert.deepEqual(late.connection.told(), ["gap alice 1-1 expired", "live"]);
    assert.deepEqual(bobsOther.connection.told(), ["gap bob 1-1 expired", "live"]);
    assert.deepEqual(await dead(fixture), []);
  });

  it("does not pass for acknowledged while its dead letter is on the way", async () => {
    const engine = new GatedEngine(new MemoryEngine(() => "e1"));
    const fixture = await openCore({ engine });
    const bob = await login(fixture, "bob");
    const alice = await login(fixture, "alice", { window: 1 });
    await bob.send("alice", "in time", { copy: false });
    await bob.send("alice", "old", { copy: false, ttl: 10 });
    fixture.clock.time += 10;
    const release = engine.hold("head");
    alice.do({ op: "ack", log: "alice", seq: 1 });
    await turns();
    alice.do({ op: "ack", log: "alice", seq: 2 });
    release();
    await turns();
    assert.deepEqual(await dead(fixture), ["expired alice 2: "]);
    await bob.send("alice", "next", { copy: false });
    alice.do({ op: "ack", log: "alice", seq: 3 });
    const [cursor] = await engine.scan("cursor", "alice  alice");
    assert.equal(cursor?.[1].seq, 3, "from then on it does");
  });

  it("in a room names all members who have not had it", async () => {
    const fixture = await openCore();
    const names = ["alice", "bob", "carol"];
    const testers = [];
    for (const name of names) testers.push(await login(fixture, name));
    for (const tester of testers) tester.do({ op: "join", room: "#room" });
    await turns();
    for (const tester of testers.slice(1)) tester.session.end();
    await testers[0]?.send("#room", "old", { ttl: 10 });
    fixture.clock.time += 10;
    await login(fixture, "carol");
    assert.deepEqual(await dead(fixture), ["expired #room 1: bob carol"]);
  });

  it("that could not be written is reported, and tried by the next reader", async () => {
    const engine = new GatedEngine(new MemoryEngine(() => "e1"));
    const fixture = await openCore({ engine });
    const bob = await login(fixture, "bob");
    (await login(fixture, "alice")).session.end();
    await bob.send("alice", "old", { ttl: 10, copy: false });
    fixture.clock.time += 10;
    engine.fail("append");
    const { connection } = await login(fixture, "alice", { device: "one" });
    assert.deepEqual(connection.told(), ["gap alice 1-1 expired", "live"], "delivery goes on");
    assert.match(fixture.problems.join(), /a dead letter was not written.*refuses append/);
    engine.heal();
    assert.deepEqual(await dead(fixture), []);
    await login(fixture, "alice", { device: "two" });
    assert.deepEqual(await dead(fixture), ["expired alice 1: "]);
  });
});

describe("an entry that a reader's protocol cannot carry", () => {
  it("becomes a dead letter of that reader, once, beside those of others", async () => {
    const fixture = await openCore();
    const [bob, alice, carol] = [
      await login(fixture, "bob"),
      await login(fixture, "alice"),
      await login(fixture, "carol"),
    ];
    for (const tester of [bob, alice, carol]) tester.do({ op: "join", room: "#room" });
    await turns();
    await bob.send("#room", "long");
    await bob.send("alice", "long", { copy: false });
    const { engine, core } = fixture;
    const [toRoom] = await engine.read("#room" as LogName, 0, "forward", 1);
    const [toAlice] = await engine.read("alice" as LogName, 0, "forward", 1);
    assert.ok(toRoom && toAlice);
    for (const { session } of [alice, carol, alice]) await core.undelivered("too_large", toRoom, session.user);
    await core.undelivered("too_large", toAlice, alice.session.user);
    assert.deepEqual(await dead(fixture), [
      "too_large #room 1: alice",
      "too_large #room 1: carol",
      "too_large alice 1: ",
    ]);
  });

  it("becomes none where another device of the user has it, and is an error where the store refuses", async () => {
    const engine = new GatedEngine(new MemoryEngine(() => "e1"));
    const fixture = await openCore({ engine });
    const alice = await login(fixture, "alice");
    const bob = await login(fixture, "bob");
    for (const body of ["1", "2"]) await bob.send("alice", body, { copy: false });
    alice.do({ op: "ack", log: "alice", seq: 1 });
    const [first, second] = await engine.read("alice" as LogName, 0, "forward", 2);
    assert.ok(first && second);
    const { user } = alice.session;
    await fixture.core.undelivered("too_large", first, user);
    engine.fail("append");
    await assert.rejects(fixture.core.undelivered("too_large", second, user), /refuses append/);
    engine.heal();
    await fixture.core.undelivered("too_large", second, user);
    assert.deepEqual(await dead(fixture), ["too_large alice 2: "]);
  });
});
