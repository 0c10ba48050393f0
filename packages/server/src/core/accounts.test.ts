/** accepted = acknowledged + pending + dead, whatever happens to a log (P5). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LogName } from "@parley/protocol";
import { type CoreFixture, login, ManualClock, openCore, turns } from "../../testing/core-fixture.ts";
import type { RecordKind, RecordPage } from "../engine/engine.ts";
import { MemoryEngine } from "../engine/memory.ts";

/** `accepted = acknowledged + pending + dead`, and `missing` where there is some. */
async function account({ core }: Pick<CoreFixture, "core">, log: string): Promise<string> {
  const { accepted, acknowledged, pending, dead, missing } = await core.accounts.of(log as LogName);
  return `${accepted} = ${acknowledged} + ${pending} + ${dead}${missing === 0 ? "" : `, missing ${missing}`}`;
}

/** Does something just after the letters were looked for: what is done then is not among what was found. */
class InterruptedEngine extends MemoryEngine {
  afterLetters: (() => Promise<void>) | undefined;

  override async scan<K extends RecordKind>(kind: K, prefix: string, page?: RecordPage) {
    const found = await super.scan(kind, prefix, page);
    const interrupt = kind === "letter" ? this.afterLetters : undefined;
    if (interrupt) this.afterLetters = undefined;
    await interrupt?.();
    return found;
  }
}

const limits = { maxAgeMs: 0, maxMessages: 0, maxBytes: 0 };

describe("an account", () => {
  it("tells acknowledged, pending and dead messages apart, now and when they are trimmed", async () => {
    const engine = new MemoryEngine(() => "e1");
    const clock = new ManualClock();
    const fixture = await openCore({ engine, clock });
    const alice = await login(fixture, "alice");
    const bob = await login(fixture, "bob");
    assert.equal(await account(fixture, "alice"), "0 = 0 + 0 + 0");
    for (let n = 1; n <= 5; n++) await bob.send("alice", `${n}`, { copy: false });
    alice.do({ op: "ack", log: "alice", seq: 2 });
    alice.session.end();
    await bob.send("alice", "old", { copy: false, ttl: 10 });
    assert.equal(await account(fixture, "alice"), "6 = 2 + 4 + 0");
    clock.time += 10;
    await fixture.core.expire();
    assert.equal(await account(fixture, "alice"), "6 = 2 + 3 + 1");
    const trimming = await openCore({ engine, clock, retention: { ...limits, maxMessages: 2 } });
    await trimming.core.trim();
    assert.equal((await engine.head("alice" as LogName)).first, 5);
    assert.equal(await account(trimming, "alice"), "6 = 2 + 1 + 3");
    const restarted = await openCore({ engine, clock });
    assert.equal(await account(restarted, "alice"), "6 = 2 + 1 + 3");
    const back = await login(restarted, "alice");
    back.do({ op: "ack", log: "alice", seq: 6 });
    assert.equal(await account(restarted, "alice"), "6 = 3 + 0 + 3");
    await restarted.core.trim();
    assert.equal(await account(restarted, "alice"), "6 = 3 + 0 + 3");
    assert.deepEqual(await engine.scan("balance", ""), [
      ["alice", { epoch: "e1", since: 0, upTo: 6, acknowledged: 3, dead: 3, missing: 0, turnedAway: 0 }],
    ]);
  });

  it("counts a message to a room once: pending while any member but the sender has not acknowledged it", async () => {
    const fixture = await openCore();
    const [ann, bob, carol] = [await login(fixture, "ann"), await login(fixture, "bob"), await login(fixture, "carol")];
    for (const tester of [ann, bob, carol]) tester.do({ op: "join", room: "#room" });
    await turns();
    for (let n = 1; n <= 3; n++) await bob.send("#room", `${n}`);
    ann.do({ op: "ack", log: "#room", seq: 3 });
    carol.do({ op: "ack", log: "#room", seq: 1 });
    assert.equal(await account(fixture, "#room"), "3 = 1 + 2 + 0");
    carol.do({ op: "reject", log: "#room", seq: 2 });
    await turns();
    assert.equal(await account(fixture, "#room"), "3 = 1 + 1 + 1");
    carol.do({ op: "leave", room: "#room" });
    await turns();
    assert.equal(await account(fixture, "#room"), "3 = 2 + 0 + 1");
  });

  it("does not count as acknowledged for good what is rejected while it counts", async () => {
    const engine = new InterruptedEngine(() => "e1");
    const fixture = await openCore({ engine });
    const alice = await login(fixture, "alice");
    const bob = await login(fixture, "bob");
    for (let n = 1; n <= 3; n++) await bob.send("alice", `${n}`, { copy: false });
    engine.afterLetters = async () => {
      alice.do({ op: "reject", log: "alice", seq: 2 });
      alice.do({ op: "ack", log: "alice", seq: 3 });
      await turns();
    };
    await fixture.core.trim();
    assert.equal(engine.afterLetters, undefined);
    await fixture.core.trim();
    assert.equal(await account(fixture, "alice"), "3 = 2 + 0 + 1");
  });

  it("counts copies of what one sent as acknowledged, a note to oneself as pending", async () => {
    const fixture = await openCore();
    const alice = await login(fixture, "alice");
    (await login(fixture, "bob")).session.end();
    await alice.send("bob", "hi");
    assert.equal(await account(fixture, "alice"), "1 = 1 + 0 + 0");
    await alice.send("alice", "note");
    assert.equal(await account(fixture, "alice"), "2 = 1 + 1 + 0");
  });

  it("counts purged letters as dead, whether their entry is still in the log or was never in it", async () => {
    const fixture = await openCore();
    (await login(fixture, "alice")).session.end();
    const bob = await login(fixture, "bob");
    await bob.send("alice", "stays", { copy: false });
    for (let n = 0; n < 3; n++) await bob.send("alice", "old", { copy: false, ttl: 10 });
    fixture.clock.time += 10;
    await fixture.core.expire();
    assert.equal(await account(fixture, "alice"), "4 = 0 + 1 + 3");
    assert.deepEqual(await fixture.core.letters.purgeAll({}), { ok: true, value: { purged: 3 } });
    assert.equal(await account(fixture, "alice"), "4 = 0 + 1 + 3");
    assert.equal((await fixture.engine.scan("letter", "alice ")).length, 3, "their entries are not accounted for yet");
    const back = await login(fixture, "alice");
    back.do({ op: "ack", log: "alice", seq: 4 });
    await fixture.core.trim();
    assert.equal(await account(fixture, "alice"), "4 = 1 + 0 + 3");
    assert.deepEqual(await fixture.engine.scan("letter", ""), []);
  });

  it("says missing where entries went without a trace", async () => {
    const fixture = await openCore({ retention: { ...limits, maxMessages: 4 } });
    (await login(fixture, "alice")).session.end();
    const bob = await login(fixture, "bob");
    for (let n = 1; n <= 6; n++) await bob.send("alice", `${n}`, { copy: false });
    await fixture.core.trim();
    await fixture.engine.trim("alice" as LogName, 5);
    assert.equal(await account(fixture, "alice"), "6 = 0 + 2 + 2, missing 2");
  });

  it("is given for pages of addresses, and summed up", async () => {
    const fixture = await openCore();
    for (const name of ["alice", "bob", "carol"]) (await login(fixture, name)).session.end();
    const dave = await login(fixture, "dave");
    for (const name of ["alice", "bob", "bob", "carol", "*"]) await dave.send(name, "hi", { copy: false });
    const first = await fixture.core.accounts.page("$dead", 2);
    assert.deepEqual(
      [first.next, first.accounts.map(({ log, pending }) => `${log} ${pending}`)],
      ["alice", ["* 1", "alice 1"]],
    );
    const totals = () => fixture.core.accounts.totals(fixture.core.now(), 1000);
    assert.partialDeepStrictEqual(await totals(), { accepted: 5, pending: 5, acknowledged: 0, dead: 0, missing: 0 });
    await dave.send("alice", "again", { copy: false });
    assert.equal((await totals()).accepted, 5, "sums are remembered for as long as was allowed");
    fixture.clock.time += 1000;
    assert.equal((await totals()).accepted, 6);
  });
});
