/** Retention by age, count and bytes, and the dead letters of what nobody had acknowledged (P5). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { DeadLetter, LogName } from "@parley/protocol";
import { type CoreFixture, login, openCore, turns } from "../../testing/core-fixture.ts";
import { GatedEngine } from "../../testing/gated-engine.ts";
import { dead, deadLetters } from "../../testing/letters.ts";
import { MemoryEngine } from "../engine/memory.ts";
import type { RetentionPolicy } from "./retention.ts";

const none: RetentionPolicy = { maxAgeMs: 0, maxMessages: 0, maxBytes: 0 };
const open = (policy: Partial<RetentionPolicy>) => openCore({ retention: { ...none, ...policy } });

async function kept({ engine }: CoreFixture, log: string): Promise<number[]> {
  return (await engine.read(log as LogName, 0, "forward", 1000)).map(({ seq }) => seq);
}

describe("retention", () => {
  it("by count keeps the newest", async () => {
    const fixture = await open({ maxMessages: 3 });
    const bob = await login(fixture, "bob");
    await login(fixture, "alice");
    for (let n = 1; n <= 5; n++) await bob.send("alice", `${n}`, { copy: false });
    await fixture.core.trim();
    assert.deepEqual(await kept(fixture, "alice"), [3, 4, 5]);
    await fixture.core.trim();
    assert.deepEqual(await kept(fixture, "alice"), [3, 4, 5]);
  });

  it("by bytes keeps as much as fits", async () => {
    const fixture = await open({ maxBytes: 1000 });
    const bob = await login(fixture, "bob");
    await login(fixture, "alice");
    for (let n = 1; n <= 5; n++) await bob.send("alice", "x".repeat(300), { copy: false });
    await fixture.core.trim();
    assert.deepEqual(await kept(fixture, "alice"), [4, 5]);
    await bob.send("alice", "x".repeat(2000), { copy: false });
    await fixture.core.trim();
    assert.deepEqual(await kept(fixture, "alice"), []);
  });

  it("by age keeps what is younger, and forgets clientIds of that age", async () => {
    const fixture = await open({ maxAgeMs: 1000 });
    const bob = await login(fixture, "bob");
    await login(fixture, "alice");
    for (let n = 0; n < 4; n++) {
      await bob.send("alice", `${n}`, { copy: false, clientId: `c-${n}` });
      fixture.clock.time += 400;
    }
    await fixture.core.trim();
    assert.deepEqual(await kept(fixture, "alice"), [3, 4]);
    bob.connection.told();
    await bob.send("alice", "3", { copy: false, clientId: "c-3" });
    await bob.send("alice", "another", { copy: false, clientId: "c-0" });
    const oks = bob.connection.take().map((event) => event.op === "ok" && [event.duplicate, event.positions?.[0]?.seq]);
    assert.deepEqual(oks, [
      [true, 4],
      [undefined, 5],
    ]);
  });

  it("without limits trims nothing", async () => {
    const fixture = await open({});
    const bob = await login(fixture, "bob");
    for (let n = 1; n <= 5; n++) await bob.send("bob", `${n}`);
    fixture.clock.time += 1e12;
    await fixture.core.trim();
    assert.deepEqual(await kept(fixture, "bob"), [1, 2, 3, 4, 5]);
  });

  it("goes through all logs, in steps, however many entries and logs there are", async () => {
    const engine = new GatedEngine(new MemoryEngine(() => "e1"));
    const fixture = await openCore({ engine, retention: { ...none, maxMessages: 1 } });
    const bob = await login(fixture, "bob");
    for (let n = 0; n < 300; n++) (await login(fixture, `user-${n}`)).session.end();
    for (let n = 0; n < 300; n++) bob.do({ op: "send", to: `user-${n}`, body: "1", copy: false });
    for (let n = 0; n < 700; n++) bob.do({ op: "send", to: "*", body: `${n}` });
    bob.do({ op: "send", to: "user-299", body: "2", copy: false });
    await turns();
    await fixture.core.trim();
    assert.deepEqual(await kept(fixture, "*"), [700]);
    assert.deepEqual(await kept(fixture, "user-299"), [2]);
    assert.ok(engine.calls.logs >= 3, "logs were listed in steps");
  });

  it("keeps the dead letters themselves", async () => {
    const fixture = await open({ maxMessages: 2 });
    const bob = await login(fixture, "bob");
    (await login(fixture, "alice")).session.end();
    for (let n = 1; n <= 6; n++) await bob.send("alice", `${n}`, { copy: false });
    for (let run = 0; run < 2; run++) await fixture.core.trim();
    assert.deepEqual(
      await dead(fixture),
      [1, 2, 3, 4].map((seq) => `retention alice ${seq}: `),
    );
  });
});

describe("a dead letter", () => {
  it("is left by what nobody acknowledged, and by nothing else", async () => {
    const fixture = await open({ maxMessages: 1 });
    const alice = await login(fixture, "alice");
    const bob = await login(fixture, "bob");
    for (let n = 1; n <= 4; n++) await bob.send("alice", `${n}`, { copy: false, clientId: `c-${n}`, type: "t" });
    alice.do({ op: "ack", log: "alice", seq: 2 });
    await fixture.core.trim();
    const [letter, ...others] = await deadLetters(fixture);
    assert.deepEqual(others, []);
    const { message, ...rest } = letter as DeadLetter;
    const { time } = fixture.clock;
    assert.deepEqual(rest, { reason: "retention", ts: time, log: "alice", epoch: "e1", seq: 3, pending: [] });
    assert.partialDeepStrictEqual(message, {
      from: "bob",
      to: "alice",
      body: "3",
      clientId: "c-3",
      type: "t",
      ts: time,
    });
    await fixture.core.trim();
    assert.equal((await deadLetters(fixture)).length, 1);
  });

  it("is written before the entry goes: where it cannot be written, the entry stays, and a later run does both once", async () => {
    const engine = new GatedEngine(new MemoryEngine(() => "e1"));
    const fixture = await openCore({ engine, retention: { ...none, maxMessages: 1 } });
    const bob = await login(fixture, "bob");
    (await login(fixture, "alice")).session.end();
    for (const body of ["1", "2"]) await bob.send("alice", body, { copy: false });
    engine.fail("append");
    await assert.rejects(fixture.core.trim(), /refuses append/);
    assert.deepEqual(await kept(fixture, "alice"), [1, 2]);
    engine.heal();
    engine.fail("trim");
    await assert.rejects(fixture.core.trim(), /refuses trim/);
    engine.heal();
    await fixture.core.trim();
    assert.deepEqual(await kept(fixture, "alice"), [2]);
    assert.deepEqual(await dead(fixture), ["retention alice 1: "]);
  });

  it("of a room names the members who had not acknowledged it: not the sender, not who joined later", async () => {
    const fixture = await open({ maxMessages: 1 });
    const [Ann, bob, carol] = [await login(fixture, "Ann"), await login(fixture, "bob"), await login(fixture, "carol")];
    for (const tester of [Ann, bob, carol]) tester.do({ op: "join", room: "#room" });
    await turns();
    for (let n = 1; n <= 3; n++) await bob.send("#room", `${n}`);
    const dave = await login(fixture, "dave");
    dave.do({ op: "join", room: "#room" });
    await turns();
    await bob.send("#room", "4");
    Ann.do({ op: "ack", log: "#room", seq: 2 });
    carol.do({ op: "ack", log: "#room", seq: 1 });
    await fixture.core.trim();
    assert.deepEqual(await dead(fixture), ["retention #room 2: carol", "retention #room 3: Ann carol"]);
  });

  it("of a message to everybody names the users who were there, at most 100 of them", async () => {
    const fixture = await open({ maxMessages: 1 });
    const bob = await login(fixture, "bob");
    for (let n = 0; n < 102; n++) {
      const user = await login(fixture, `user-${100 + n}`);
      if (n === 0) user.do({ op: "ack", log: "*", seq: 0 });
    }
    await bob.send("*", "1");
    const acked = await login(fixture, "user-100");
    acked.do({ op: "ack", log: "*", seq: 1 });
    await login(fixture, "later");
    await bob.send("*", "2");
    await fixture.core.trim();
    const [letter, ...others] = await deadLetters(fixture);
    assert.deepEqual(others, []);
    const names = Array.from({ length: 100 }, (_, n) => `user-${101 + n}`);
    assert.deepEqual(letter?.pending, names);
  });

  it("is not left by copies of what one sent, but by what one sent to oneself", async () => {
    const fixture = await open({ maxMessages: 1 });
    const alice = await login(fixture, "Ａlice");
    (await login(fixture, "bob")).session.end();
    await alice.send("bob", "copy");
    await alice.send("alice", "note");
    await alice.send(["bob", "alice"], "both");
    await alice.send("bob", "last");
    await fixture.core.trim();
    const letters = (await dead(fixture)).filter((letter) => letter.includes(" alice "));
    assert.deepEqual(letters, ["retention alice 2: ", "retention alice 3: "]);
  });

  it("says expired where the time of the message had passed when it went", async () => {
    const fixture = await open({ maxMessages: 1 });
    const bob = await login(fixture, "bob");
    (await login(fixture, "alice")).session.end();
    for (const ttl of [10, 1000, 10]) await bob.send("alice", "", { copy: false, ttl });
    fixture.clock.time += 10;
    await fixture.core.trim();
    assert.deepEqual(await dead(fixture), ["expired alice 1: ", "retention alice 2: "]);
  });
});
