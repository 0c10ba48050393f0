/** What happened to one message, and what is not known of it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LogName, Result } from "@parley/protocol";
import {
  type CoreFixture,
  type LoggedInTester,
  login,
  ManualClock,
  openCore,
  turns,
} from "../../testing/core-fixture.ts";
import { MemoryEngine } from "../engine/memory.ts";

/** Sends; the id of the message. */
async function sent(from: LoggedInTester, ...args: Parameters<LoggedInTester["send"]>): Promise<string> {
  from.connection.take();
  await from.send(...args);
  const ok = from.connection.take().find((event) => event.op === "ok");
  assert.ok(ok?.op === "ok" && ok.id !== undefined);
  return ok.id;
}

async function traced({ core }: Pick<CoreFixture, "core">, id: string, log?: string) {
  const result = await core.trace(id, log);
  assert.ok(result.ok, result.ok ? "" : result.fault.message);
  return result.value;
}

const code = (result: Result<unknown>) => (result.ok ? "ok" : result.fault.code);

describe("a trace", () => {
  it("tells where a message was stored, and which device was given it and acknowledged it when", async () => {
    const fixture = await openCore({ rememberedDeliveries: 100 });
    const { clock } = fixture;
    const phone = await login(fixture, "alice", { device: "phone" });
    const bob = await login(fixture, "bob");
    const start = clock.time;
    clock.time += 5;
    const id = await sent(bob, ["alice", "carol"].slice(0, 1), "hello", { type: "t", clientId: "c" });
    clock.time += 10;
    phone.do({ op: "ack", log: "alice", seq: 1 });
    const laptop = await login(fixture, "alice", {
      device: "laptop",
      positions: [{ log: "alice", epoch: "e1", seq: 0 }],
    });
    const trace = await traced(fixture, id);
    assert.deepEqual([trace.id, trace.ts], [id, start + 5]);
    assert.deepEqual(trace.message, {
      id,
      from: "bob",
      to: ["alice"],
      ts: start + 5,
      type: "t",
      clientId: "c",
      bytes: 5,
    });
    assert.ok(!JSON.stringify(trace).includes("hello"), "it has no body");
    const gateway = "test";
    const on = (tester: LoggedInTester, device: string) => ({
      user: "alice",
      device,
      session: tester.session.id,
      gateway,
    });
    assert.deepEqual(trace.places, [
      {
        log: "alice",
        epoch: "e1",
        seq: 1,
        state: "acknowledged",
        readers: [
          {
            user: "alice",
            acknowledged: true,
            devices: [
              { device: "laptop", acknowledged: false },
              { device: "phone", acknowledged: true },
            ],
          },
        ],
        moreReaders: 0,
        deliveries: [
          { ...on(phone, "phone"), deliveredAt: start + 5, acknowledgedAt: start + 15 },
          { ...on(laptop, "laptop"), deliveredAt: start + 15 },
        ],
      },
      { log: "bob", epoch: "e1", seq: 1, state: "acknowledged", readers: [], moreReaders: 0, deliveries: [] },
    ]);
    assert.equal(trace.deliveriesSince, start);
    assert.equal(trace.searched.complete, true);
    assert.deepEqual((await traced(fixture, id, "ALICE")).places, trace.places.slice(0, 1));
  });

  it("still knows from the cursors what was acknowledged when the record is gone", async () => {
    const engine = new MemoryEngine(() => "e1");
    const clock = new ManualClock();
    const fixture = await openCore({ engine, clock, rememberedDeliveries: 100 });
    const [ann, bob, carol] = [await login(fixture, "ann"), await login(fixture, "bob"), await login(fixture, "carol")];
    for (const tester of [ann, bob, carol]) tester.do({ op: "join", room: "#room" });
    await turns();
    const id = await sent(bob, "#room", "hello");
    ann.do({ op: "ack", log: "#room", seq: 1 });
    const restarted = await openCore({ engine, clock });
    const trace = await traced(restarted, id);
    const [place] = trace.places;
    assert.deepEqual([place?.state, place?.deliveries, trace.deliveriesSince], ["pending", [], undefined]);
    assert.deepEqual(
      place?.readers.map(({ user, acknowledged }) => `${user} ${acknowledged}`),
      ["ann true", "carol false"],
    );
  });

  it("finds each message among many, in any log, whatever was trimmed around it", async () => {
    const fixture = await openCore();
    const bob = await login(fixture, "bob");
    for (const name of ["alice", "carol"]) (await login(fixture, name)).session.end();
    const ids: [id: string, log: string, seq: number][] = [];
    for (let n = 0; n < 40; n++) {
      const to = n % 3 === 0 ? "alice" : "carol";
      fixture.clock.time += n % 4;
      const id = await sent(bob, to, `${n}`, { copy: false });
      ids.push([id, to, ids.filter(([, log]) => log === to).length + 1]);
    }
    await fixture.engine.trim("carol" as LogName, 4);
    for (const [id, log, seq] of ids) {
      if (log === "carol" && seq < 4) assert.equal(code(await fixture.core.trace(id)), "unknown_message");
      else
        assert.deepEqual(
          (await traced(fixture, id)).places.map((place) => [place.log, place.seq]),
          [[log, seq]],
        );
    }
  });

  it("tells of dead letters and replays, also when the log has nothing any more", async () => {
    const fixture = await openCore({ retention: { maxAgeMs: 0, maxMessages: 1, maxBytes: 0 } });
    const bob = await login(fixture, "bob");
    (await login(fixture, "alice")).session.end();
    const expired = await sent(bob, "alice", "old", { ttl: 10, copy: false });
    fixture.clock.time += 10;
    await fixture.core.expire();
    const trimmed = await sent(bob, "alice", "trimmed", { copy: false });
    await sent(bob, "alice", "last", { copy: false });
    const held = await traced(fixture, expired);
    assert.equal(held.places[0]?.state, "dead");
    await fixture.core.trim();
    const replayed = await fixture.core.letters.replay(2);
    assert.ok(replayed.ok);
    const reasons = [];
    for (const id of [expired, trimmed]) {
      const trace = await traced(fixture, id);
      assert.deepEqual([trace.places, trace.message?.id], [[], id]);
      reasons.push(
        ...trace.deadLetters.map(({ letter, reason, seq, replayed: again }) => [letter, reason, seq, again?.id]),
      );
    }
    assert.deepEqual(reasons, [
      [1, "expired", 1, undefined],
      [2, "retention", 2, replayed.value.id],
    ]);
    assert.equal((await traced(fixture, replayed.value.id)).message?.replayOf, trimmed);
  });

  it("is refused for what is no id, for ids of nothing, and for no address", async () => {
    const fixture = await openCore();
    const bob = await login(fixture, "bob");
    const id = await sent(bob, "bob", "hi");
    const nothing = `${id.slice(0, -1)}${id.endsWith("f") ? "e" : "f"}`;
    for (const [asked, log, expected] of [
      [nothing, undefined, "unknown_message"],
      ["no id", undefined, "bad_message"],
      [id.replace("-7", "-4"), undefined, "bad_message"],
      [id, "a b", "bad_name"],
      [id, "*", "unknown_message"],
    ] as const)
      assert.equal(code(await fixture.core.trace(asked, log)), expected, `${asked} ${log}`);
  });
});
