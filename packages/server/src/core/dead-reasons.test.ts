/** Reasons that do not come from time or retention: rejected, given up, removed, turned away. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LogName } from "@parley/protocol";
import { login, ManualClock, openCore, turns } from "../../testing/core-fixture.ts";
import { GatedEngine } from "../../testing/gated-engine.ts";
import { dead, deadLetters } from "../../testing/letters.ts";
import { MemoryEngine } from "../engine/memory.ts";
import { DeadLetters } from "./dead-letters.ts";
import { createIds } from "./ids.ts";

const limits = { maxAgeMs: 0, maxMessages: 0, maxBytes: 0 };
const hour = 3_600_000;

describe("rejected", () => {
  it("leaves a letter with the reason, and counts as acknowledged from then on", async () => {
    const fixture = await openCore();
    const alice = await login(fixture, "alice");
    const bob = await login(fixture, "bob");
    for (let n = 1; n <= 3; n++) await bob.send("alice", `${n}`, { copy: false });
    alice.connection.take();
    alice.do({ op: "ack", log: "alice", seq: 1 });
    alice.do({ op: "reject", ref: "r", log: "Alice", seq: 2, reason: "no" });
    // Right behind it, as clients do that process in parallel.
    alice.do({ op: "ack", log: "alice", seq: 3 });
    await turns();
    assert.deepEqual(alice.connection.take(), [{ op: "ok", ref: "r" }]);
    assert.deepEqual(await dead(fixture), ["rejected alice 2: "]);
    assert.equal((await deadLetters(fixture))[0]?.note, "no");
    alice.session.end();
    const again = await login(fixture, "alice");
    assert.deepEqual(again.connection.told(), ["live"]);
  });

  it("leaves none where another device of the user has the message, nor for copies, nor twice", async () => {
    const fixture = await openCore();
    const [phone, laptop] = [await login(fixture, "alice"), await login(fixture, "alice", { device: "laptop" })];
    const bob = await login(fixture, "bob");
    for (let n = 1; n <= 2; n++) await bob.send("alice", `${n}`, { copy: false });
    await phone.send("bob", "copy");
    laptop.do({ op: "ack", log: "alice", seq: 1 });
    phone.do({ op: "reject", log: "alice", seq: 1 });
    for (const device of [phone, laptop]) device.do({ op: "reject", log: "alice", seq: 2 });
    laptop.do({ op: "reject", log: "alice", seq: 3 });
    await turns();
    assert.deepEqual(await dead(fixture), ["rejected alice 2: "]);
  });

  it("by one member of a room concerns no other", async () => {
    const fixture = await openCore();
    const [ann, bob, carol] = [await login(fixture, "ann"), await login(fixture, "bob"), await login(fixture, "carol")];
    for (const tester of [ann, bob, carol]) tester.do({ op: "join", room: "#room" });
    await turns();
    await bob.send("#room", "1");
    for (const tester of [ann, carol]) tester.do({ op: "reject", log: "#room", seq: 1 });
    await turns();
    assert.deepEqual(await dead(fixture), ["rejected #room 1: ann", "rejected #room 1: carol"]);
  });

  it("is refused for what was not sent or is not read, and acknowledges nothing while the store refuses", async () => {
    const engine = new GatedEngine(new MemoryEngine(() => "e1"));
    const fixture = await openCore({ engine });
    const alice = await login(fixture, "alice");
    const bob = await login(fixture, "bob");
    await bob.send("alice", "1", { copy: false });
    alice.connection.take();
    alice.do({ op: "reject", log: "alice", seq: 2 });
    alice.do({ op: "reject", log: "bob", seq: 1 });
    alice.do({ op: "reject", log: "a b", seq: 1 });
    engine.fail("append");
    alice.do({ op: "reject", log: "alice", seq: 1 });
    await turns();
    assert.deepEqual(alice.connection.told().sort(), [
      "error bad_message",
      "error bad_name",
      "error forbidden",
      "error storage_unavailable",
    ]);
    engine.heal();
    alice.session.end();
    assert.deepEqual((await login(fixture, "alice")).connection.told(), ["alice 1 1", "live"]);
  });
});

describe("unacked", () => {
  const unacked = () => openCore({ retention: { ...limits, unackedMs: hour } });

  it("is what nobody acknowledged for too long: delivery goes on behind it, and it stays as history", async () => {
    const fixture = await unacked();
    const alice = await login(fixture, "alice");
    const bob = await login(fixture, "bob");
    for (let n = 1; n <= 2; n++) await bob.send("alice", `${n}`, { copy: false });
    alice.do({ op: "ack", log: "alice", seq: 1 });
    alice.session.end();
    fixture.clock.time += hour;
    await fixture.core.trim();
    assert.deepEqual(await dead(fixture), []);
    await bob.send("alice", "3", { copy: false });
    fixture.clock.time += 1;
    await fixture.core.trim();
    await fixture.core.trim();
    assert.deepEqual(await dead(fixture), ["unacked alice 2: "]);
    for (const device of ["d", "another"]) {
      const back = await login(fixture, "alice", { device });
      assert.deepEqual([back.positions.alice, back.connection.told()], [2, ["alice 3 3", "live"]]);
      back.do({ op: "history", log: "alice" });
      await turns();
      assert.deepEqual(back.connection.told(), ["page alice 1 2 3"]);
    }
  });

  it("in a room is for those who have not acknowledged it", async () => {
    const fixture = await unacked();
    const [ann, bob, carol] = [await login(fixture, "ann"), await login(fixture, "bob"), await login(fixture, "carol")];
    for (const tester of [ann, bob, carol]) tester.do({ op: "join", room: "#room" });
    await turns();
    await bob.send("#room", "1");
    ann.do({ op: "ack", log: "#room", seq: 1 });
    fixture.clock.time += hour + 1;
    await fixture.core.trim();
    assert.deepEqual(await dead(fixture), ["unacked #room 1: carol"]);
    assert.equal((await login(fixture, "carol")).positions["#room"], 1);
  });

  it("is passed over only when the letter is on disk", async () => {
    const engine = new GatedEngine(new MemoryEngine(() => "e1"));
    const fixture = await openCore({ engine, retention: { ...limits, unackedMs: hour } });
    (await login(fixture, "alice")).session.end();
    await (await login(fixture, "bob")).send("alice", "1", { copy: false });
    fixture.clock.time += hour + 1;
    engine.fail("append");
    await assert.rejects(fixture.core.trim(), { name: "StorageUnavailable" });
    engine.heal();
    assert.deepEqual((await login(fixture, "alice")).connection.told(), ["alice 1 1", "live"]);
  });
});

describe("undeliverable", () => {
  it("is what was pending for a user who is removed, who then is as new", async () => {
    const fixture = await openCore();
    const alice = await login(fixture, "alice");
    const bob = await login(fixture, "bob");
    alice.do({ op: "join", room: "#room" });
    await turns();
    for (let n = 1; n <= 3; n++) await bob.send("alice", `${n}`, { copy: false });
    alice.do({ op: "ack", log: "alice", seq: 1 });
    assert.deepEqual(await fixture.core.removeUser("ALICE"), { ok: true, value: { name: "alice", undeliverable: 2 } });
    assert.equal(alice.connection.closed, "forbidden");
    assert.deepEqual(await dead(fixture), ["undeliverable alice 2: ", "undeliverable alice 3: "]);
    assert.partialDeepStrictEqual(await fixture.core.accounts.of("alice" as LogName), {
      accepted: 3,
      acknowledged: 1,
      dead: 2,
    });
    bob.connection.take();
    await bob.send("alice", "4", { copy: false });
    assert.deepEqual(bob.connection.told(), ["error unknown_user"]);
    for (const kind of ["user", "member"] as const)
      assert.ok(
        (await fixture.engine.scan(kind, "")).every(([key]) => !key.includes("alice")),
        kind,
      );
    const again = await login(fixture, "alice");
    assert.deepEqual([again.positions, again.connection.told()], [{ alice: 3, "*": 0 }, ["live"]]);
    assert.equal((await fixture.core.removeUser("nobody")).ok, false);
  });

  it("is what members of a room that is removed had not acknowledged; the room can be made anew", async () => {
    const fixture = await openCore();
    const [ann, bob] = [await login(fixture, "ann"), await login(fixture, "bob")];
    for (const tester of [ann, bob]) tester.do({ op: "join", room: "#room" });
    await turns();
    for (let n = 1; n <= 2; n++) await bob.send("#room", `${n}`);
    ann.do({ op: "ack", log: "#room", seq: 1 });
    assert.deepEqual(await fixture.core.removeRoom("#Room"), { ok: true, value: { name: "#room", undeliverable: 1 } });
    assert.deepEqual(await dead(fixture), ["undeliverable #room 2: ann"]);
    bob.connection.take();
    await bob.send("#room", "3");
    assert.deepEqual(bob.connection.told(), ["error unknown_room"]);
    bob.do({ op: "join", room: "#room" });
    await turns();
    await bob.send("#room", "4");
    assert.deepEqual(
      bob.connection.take().map((event) => event.op === "ok" && event.positions?.[0]?.seq),
      [2, 3],
    );
    const restarted = await openCore({ engine: fixture.engine, clock: fixture.clock });
    assert.deepEqual((await login(restarted, "ann")).positions, { ann: 0, "*": 0 });
  });

  it("keeps the user where the store refuses, and whoever asks meanwhile waits", async () => {
    const engine = new GatedEngine(new MemoryEngine(() => "e1"));
    const fixture = await openCore({ engine });
    (await login(fixture, "alice")).session.end();
    await (await login(fixture, "bob")).send("alice", "1", { copy: false });
    engine.fail("append");
    await assert.rejects(fixture.core.removeUser("alice"), { name: "StorageUnavailable" });
    engine.heal();
    assert.ok(fixture.core.user("alice"));
    const release = engine.hold("write");
    const removed = fixture.core.removeUser("alice");
    const registered = fixture.core.register("alice");
    await turns();
    assert.equal(fixture.core.user("alice"), undefined);
    release();
    await Promise.all([removed, registered]);
    const restarted = await openCore({ engine, clock: fixture.clock });
    assert.ok(fixture.core.user("alice") && restarted.core.user("alice"), "in memory and on disk");
  });
});

describe("inbox_full", () => {
  it("is a message that never had a place in the log: accepted, and dead, once", async () => {
    const engine = new MemoryEngine(() => "e1");
    const fixture = await openCore({ engine });
    await login(fixture, "alice");
    const clock = new ManualClock();
    const written: string[] = [];
    const letters = new DeadLetters(engine, clock, createIds(clock), undefined as never, (reason) =>
      written.push(reason),
    );
    const message = JSON.stringify({ id: "m1", from: "bob", to: "alice", ts: 1, body: "too much" });
    const log = "alice" as LogName;
    const from = { id: "m1", ts: 1, payload: message, digest: "" };
    for (let repeat = 0; repeat < 2; repeat++) {
      const outcome = await letters.overflowed({ ...from, dedupeKey: "bob c" }, log);
      assert.equal(outcome.ok && outcome.duplicate, repeat === 1);
    }
    await letters.overflowed({ ...from, dedupeKey: undefined }, log);
    assert.deepEqual(await dead(fixture), ["inbox_full alice 0: ", "inbox_full alice 0: "]);
    assert.deepEqual(written, ["inbox_full", "inbox_full"]);
    const accounted = async () => {
      const { accepted, dead: died } = await fixture.core.accounts.of(log);
      return [accepted, died];
    };
    assert.deepEqual(await accounted(), [2, 2]);
    await fixture.core.letters.purge(1);
    assert.deepEqual(await accounted(), [2, 2]);
    const replayed = await fixture.core.letters.replay(2);
    assert.ok(replayed.ok && replayed.value.to === "alice");
  });
});
