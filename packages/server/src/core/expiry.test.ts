/** Messages whose time has passed become dead letters though nobody reads, in bounded time, over restarts. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LogName } from "@parley/protocol";
import { type CoreFixture, login, ManualClock, openCore, turns } from "../../testing/core-fixture.ts";
import { GatedEngine } from "../../testing/gated-engine.ts";
import { dead } from "../../testing/letters.ts";
import { MemoryEngine } from "../engine/memory.ts";

/** `alice` and `carol` are away, `bob` sends. */
async function open(more: Parameters<typeof openCore>[0] = {}) {
  const fixture = await openCore(more);
  const bob = await login(fixture, "bob");
  for (const name of ["alice", "carol"]) (await login(fixture, name)).session.end();
  return { ...fixture, bob };
}

async function passes(fixture: CoreFixture, ms: number): Promise<void> {
  fixture.clock.time += ms;
  await fixture.core.expire();
}

describe("a message whose time has passed", () => {
  it("becomes a dead letter though nobody reads, and not before", async () => {
    const fixture = await open();
    for (const ttl of [30, 10, 20]) await fixture.bob.send("alice", `${ttl}`, { ttl, copy: false });
    await fixture.bob.send("alice", "for ever", { copy: false });
    await passes(fixture, 9);
    assert.deepEqual(await dead(fixture), []);
    await passes(fixture, 1);
    assert.deepEqual(await dead(fixture), ["expired alice 2: "]);
    await passes(fixture, 20);
    assert.deepEqual(await dead(fixture), ["expired alice 2: ", "expired alice 3: ", "expired alice 1: "]);
    await passes(fixture, 1e9);
    assert.equal((await dead(fixture)).length, 3);
  });

  it("becomes one in each log that it went to, and none where it was acknowledged or is a copy", async () => {
    const fixture = await open();
    const dave = await login(fixture, "dave");
    await fixture.bob.send(["alice", "carol", "dave"], "old", { ttl: 10 });
    dave.do({ op: "ack", log: "dave", seq: 1 });
    await passes(fixture, 10);
    assert.deepEqual((await dead(fixture)).sort(), ["expired alice 1: ", "expired carol 1: "]);
  });

  it("is known after a restart, and looked for only where it can be", async () => {
    const engine = new GatedEngine(new MemoryEngine(() => "e1"));
    const clock = new ManualClock();
    const before = await open({ engine, clock });
    await before.bob.send("alice", "before", { ttl: 10, copy: false });
    await before.bob.send("carol", "for ever", { copy: false });
    const fixture = await openCore({ engine, clock });
    clock.time += 10;
    const reads = engine.calls.read;
    await fixture.core.expire();
    assert.deepEqual(await dead(fixture), ["expired alice 1: "]);
    assert.ok(engine.calls.read - reads <= 4, "it read logs without such messages");
    clock.time += 3_600_000;
    const again = await openCore({ engine, clock });
    await again.core.expire();
    assert.deepEqual(await engine.scan("expiring", ""), [], "the log is forgotten when everything in it has expired");
    assert.equal((await dead(fixture)).length, 1);
  });

  it("that a connected device has and did not answer is waited for, for half a minute", async () => {
    const fixture = await open();
    const [slow, stuck] = [await login(fixture, "slow"), await login(fixture, "stuck")];
    for (const name of ["slow", "stuck"]) await fixture.bob.send(name, "in time", { ttl: 10, copy: false });
    await passes(fixture, 29_000);
    assert.deepEqual(await dead(fixture), []);
    slow.do({ op: "ack", log: "slow", seq: 1 });
    await passes(fixture, 1_010);
    assert.deepEqual(await dead(fixture), ["expired stuck 1: "]);
    assert.deepEqual(stuck.connection.told().includes("stuck 1 in time"), true);
  });

  it("that one device has in flight does not pass for acknowledged because another skipped it", async () => {
    const fixture = await open();
    await login(fixture, "dave", { device: "phone" });
    await fixture.bob.send("dave", "in time", { ttl: 10, copy: false });
    fixture.clock.time += 10;
    const laptop = await login(fixture, "dave", { device: "laptop" });
    assert.deepEqual(laptop.connection.told(), ["gap dave 1-1 expired", "live"]);
    await fixture.bob.send("dave", "next", { copy: false });
    laptop.do({ op: "ack", log: "dave", seq: 2 });
    await passes(fixture, 31_000);
    assert.deepEqual(await dead(fixture), ["expired dave 1: "]);
    await fixture.bob.send("dave", "last", { copy: false });
    laptop.do({ op: "ack", log: "dave", seq: 3 });
    assert.equal((await fixture.core.accounts.of("dave" as LogName)).acknowledged, 2, "it counts again");
  });

  it("that was to be written while the store refuses is written later", async () => {
    const engine = new GatedEngine(new MemoryEngine(() => "e1"));
    const fixture = await open({ engine });
    await fixture.bob.send("alice", "old", { ttl: 10, copy: false });
    fixture.clock.time += 10;
    engine.fail("append");
    await assert.rejects(fixture.core.expire(), { name: "StorageUnavailable" });
    engine.heal();
    await passes(fixture, 1000);
    assert.deepEqual(await dead(fixture), ["expired alice 1: "]);
  });

  it("is found however many there are", async () => {
    const fixture = await open();
    for (let n = 0; n < 1000; n++) fixture.bob.do({ op: "send", to: "alice", body: "", ttl: 1 + (n % 7), copy: false });
    await turns();
    await passes(fixture, 3);
    assert.equal((await fixture.engine.read("$dead" as LogName, 0, "forward", 1e4)).length, 429);
    await passes(fixture, 4);
    assert.equal((await fixture.engine.read("$dead" as LogName, 0, "forward", 1e4)).length, 1000);
  });
});
