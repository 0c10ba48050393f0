/** What counts as waiting for a user: with a model beside it, and what was there before the process. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { login, openCore, turns } from "../../../testing/core-fixture.ts";
import { GatedEngine } from "../../../testing/gated-engine.ts";
import { MemoryEngine } from "../../engine/memory.ts";
import { Inbox } from "./inbox.ts";
import { defaultPolicy } from "./policy.ts";

const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31);

describe("an inbox", () => {
  it("counts exactly where the quota is small, and by a 256th of it too much at most", () => {
    const step = fc.record({ bytes: fc.integer({ min: 1, max: 1000 }), ack: fc.nat(40) });
    const property = fc.property(fc.array(step, { maxLength: 300 }), fc.constantFrom(100, 5120), (steps, quota) => {
      const inbox = new Inbox({ inboxMessages: quota, inboxBytes: quota * 1000 });
      const waiting: { seq: number; bytes: number }[] = [];
      let seq = 0;
      for (const { bytes, ack } of steps) {
        seq += 1 + (ack % 2);
        inbox.expect(bytes);
        inbox.stored(seq, bytes);
        waiting.push({ seq, bytes });
        if (ack > 20) inbox.ack(seq - ack);
        while ((waiting[0]?.seq ?? seq) <= inbox.acked) waiting.shift();
        const extra = inbox.messages - waiting.length;
        assert.ok(extra >= 0 && extra <= Math.floor(quota / 256), `${extra} too many`);
        const sum = waiting.reduce((total, one) => total + one.bytes, 0);
        assert.ok(inbox.bytes >= sum && (quota > 256 || inbox.bytes === sum));
      }
      inbox.ack(seq);
      assert.deepEqual([inbox.messages, inbox.bytes], [0, 0]);
    });
    console.log(`seed ${seed}`);
    fc.assert(property, { seed, numRuns: 300 });
  });

  it("keeps as many blocks as its quota has 256ths, not one for each message", () => {
    const inbox = new Inbox({ inboxMessages: 256_000, inboxBytes: 0 });
    for (let seq = 1; seq <= 256_000; seq++) {
      inbox.expect(1);
      inbox.stored(seq, 0);
    }
    inbox.ack(255_999);
    assert.equal(inbox.messages, 1000);
    inbox.ack(256_000);
    assert.equal(inbox.messages, 0);
  });
});

const policy = { ...defaultPolicy, inboxMessages: 3 };

describe("what waits for a user", () => {
  it("is refused beyond the quota, until a device acknowledges", async () => {
    const core = await openCore({ policy });
    const bob = await login(core, "bob");
    const alice = await login(core, "alice");
    for (const body of ["1", "2", "3", "4"]) await alice.send("bob", body);
    assert.deepEqual(alice.connection.told(), ["live", "ok", "ok", "ok", "error inbox_full"]);
    bob.do({ op: "ack", log: "bob", seq: 2 });
    for (const body of ["5", "6", "7"]) await alice.send("bob", body);
    assert.deepEqual(alice.connection.told(), ["ok", "ok", "error inbox_full"]);
    assert.deepEqual(core.problems, []);
  });

  it("does not include what the user sent to others, and does include what it sent to itself", async () => {
    const core = await openCore({ policy });
    const alice = await login(core, "alice");
    await login(core, "bob");
    const carol = await login(core, "carol");
    for (const body of ["1", "2", "3"]) await alice.send("bob", body);
    await alice.send("alice", "note");
    for (const body of ["4", "5", "6"]) await carol.send("alice", body);
    assert.deepEqual(carol.connection.told(), ["live", "ok", "ok", "error inbox_full"]);
  });

  it("counts what is on its way, so that a burst does not slip through", async () => {
    const core = await openCore({ policy });
    await login(core, "bob");
    const alice = await login(core, "alice");
    for (const body of ["1", "2", "3", "4", "5"]) alice.do({ op: "send", to: "bob", body });
    await turns();
    assert.deepEqual(alice.connection.told().toSorted(), [
      "error inbox_full",
      "error inbox_full",
      "live",
      "ok",
      "ok",
      "ok",
    ]);
  });

  it("answers the repeat of what was stored before as one, though the inbox is full", async () => {
    const core = await openCore({ policy });
    await login(core, "bob");
    const alice = await login(core, "alice");
    for (const clientId of ["a", "b", "c", "d"]) await alice.send("bob", clientId, { clientId });
    await alice.send("bob", "a", { clientId: "a" });
    await alice.send("bob", "other", { clientId: "a" });
    assert.deepEqual(alice.connection.told(), [
      "live",
      "ok",
      "ok",
      "ok",
      "error inbox_full",
      "ok",
      "error client_id_reused",
    ]);
    await alice.send("bob", "d", { clientId: "d" });
    assert.deepEqual(alice.connection.told(), ["error inbox_full"], "a refusal is not remembered as a send");
  });

  it("stores nothing for anybody where one of several recipients is full", async () => {
    const core = await openCore({ policy });
    const bob = await login(core, "bob");
    const carol = await login(core, "carol");
    const alice = await login(core, "alice");
    for (const body of ["1", "2", "3"]) await alice.send("bob", body);
    await alice.send(["carol", "bob"], "both");
    assert.deepEqual(carol.connection.told(), ["live"]);
    bob.do({ op: "ack", log: "bob", seq: 3 });
    for (const body of ["4", "5", "6", "7"]) await alice.send("carol", body);
    assert.deepEqual(
      carol.connection.told(),
      ["carol 1 4", "carol 2 5", "carol 3 6"],
      "the refused one does not count",
    );
  });

  it("is found in the log after a restart", async () => {
    const engine = new MemoryEngine(() => "e1");
    const before = await openCore({ policy, engine });
    const bob = await login(before, "bob");
    const alice = await login(before, "alice");
    for (const body of ["1", "2", "3"]) await alice.send("bob", body);
    bob.do({ op: "ack", log: "bob", seq: 1 });
    await bob.send("alice", "a copy in bob's log");
    await turns();

    const after = await openCore({ policy, engine });
    const again = await login(after, "alice");
    await again.send("bob", "4");
    for (const body of ["5", "6"]) await again.send("bob", body);
    assert.deepEqual(
      again.connection.told().filter((told) => told === "ok" || told.startsWith("error")),
      ["ok", "error inbox_full", "error inbox_full"],
    );
  });

  it("counts what comes while that is being looked for once", async () => {
    const inner = new MemoryEngine(() => "e1");
    const engine = new GatedEngine(inner);
    const before = await openCore({ policy: { ...policy, inboxMessages: 5 }, engine });
    await login(before, "bob");
    const alice = await login(before, "alice");
    for (const body of ["1", "2"]) await alice.send("bob", body);
    const after = await openCore({ policy: { ...policy, inboxMessages: 5 }, engine });
    const again = await login(after, "alice");
    const release = engine.hold("read");
    for (const body of ["3", "4"]) await again.send("bob", body);
    release();
    await turns();
    for (const body of ["5", "6"]) await again.send("bob", body);
    const told = again.connection.told().filter((one) => one === "ok" || one.startsWith("error"));
    assert.deepEqual(told, ["ok", "ok", "ok", "error inbox_full"]);
  });

  it("frees what retention takes away", async () => {
    const core = await openCore({ policy, retention: { maxAgeMs: 0, maxMessages: 1, maxBytes: 0 } });
    await login(core, "bob");
    const alice = await login(core, "alice");
    for (const body of ["1", "2", "3"]) await alice.send("bob", body);
    await core.core.trim();
    for (const body of ["4", "5", "6"]) await alice.send("bob", body);
    assert.deepEqual(alice.connection.told(), ["live", "ok", "ok", "ok", "ok", "ok", "error inbox_full"]);
  });

  it("frees what was given up, and counts what is sent again", async () => {
    const retention = { maxAgeMs: 0, maxMessages: 0, maxBytes: 0, unackedMs: 1000 };
    const fixture = await openCore({ policy, retention });
    await login(fixture, "bob");
    const alice = await login(fixture, "alice");
    for (const body of ["1", "2", "3"]) await alice.send("bob", body);
    fixture.clock.time += 1001;
    await fixture.core.trim();
    await alice.send("bob", "4");
    for (const letter of [1, 2]) assert.ok((await fixture.core.letters.replay(letter)).ok);
    await alice.send("bob", "5");
    assert.deepEqual(alice.connection.told(), ["live", "ok", "ok", "ok", "ok", "error inbox_full"]);
  });
});
