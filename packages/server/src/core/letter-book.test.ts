/** What operators do with dead letters: list, look at one, replay, purge. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { DeadLetter, LogName, Result } from "@parley/protocol";
import { login, openCore, turns } from "../../testing/core-fixture.ts";
import { GatedEngine } from "../../testing/gated-engine.ts";
import { MemoryEngine } from "../engine/memory.ts";
import { deadLetterLog } from "./dead-letters.ts";
import type { LetterFilter } from "./letter-book.ts";

function value<T>(result: Result<T>): T {
  assert.ok(result.ok, result.ok ? "" : result.fault.message);
  return result.value;
}

const code = (result: Result<unknown>) => (result.ok ? "ok" : result.fault.code);

/** Letters 1 to 4: to alice from bob, to alice from Carol (rejected), to #room from bob, to bob from bob. */
async function open() {
  const engine = new GatedEngine(new MemoryEngine(() => "e1"));
  const fixture = await openCore({ engine, rememberedDeliveries: 100 });
  const bob = await login(fixture, "bob");
  const carol = await login(fixture, "Carol");
  const alice = await login(fixture, "alice");
  for (const tester of [bob, alice, carol]) tester.do({ op: "join", room: "#room" });
  await turns();
  await bob.send("alice", "one", { ttl: 10, copy: false, clientId: "c", type: "t" });
  alice.session.end();
  const expire = async () => {
    fixture.clock.time += 40_000;
    await fixture.core.expire();
  };
  await expire();
  const back = await login(fixture, "alice");
  await carol.send("alice", "two", { copy: false, encoding: "base64", body: "AAAA", contentType: "x/y" });
  back.do({ op: "reject", log: "alice", seq: 2, reason: "what is that?" });
  await turns();
  await bob.send("#room", "three", { ttl: 10 });
  await expire();
  await bob.send("bob", "four", { ttl: 10 });
  for (const tester of [bob, back, carol]) tester.session.end();
  await expire();
  const listed = async (filter: LetterFilter = {}) => {
    const page = value(await fixture.core.letters.list(filter, { from: 0, direction: "forward", limit: 100 }));
    return page.letters.map(({ letter, reason, log }) => `${letter} ${reason} ${log}`);
  };
  return { ...fixture, engine, listed };
}

describe("dead letters", () => {
  it("are listed by reason, address, sender and time, whatever the spelling", async () => {
    const { listed, clock, core } = await open();
    const all = ["1 expired alice", "2 rejected alice", "3 expired #room", "4 expired bob"];
    assert.deepEqual(await listed(), all);
    assert.deepEqual(await listed({ reason: "rejected" }), [all[1]]);
    assert.deepEqual(await listed({ log: "ALICE" }), [all[0], all[1]]);
    assert.deepEqual(await listed({ log: "#Room" }), [all[2]]);
    assert.deepEqual(await listed({ from: "carol" }), [all[1]]);
    assert.deepEqual(await listed({ since: clock.time }), [all[3]]);
    assert.deepEqual(await listed({ until: clock.time, reason: "expired" }), [all[0], all[2]]);
    const query = { from: 0, direction: "forward", limit: 1 } as const;
    assert.equal(code(await core.letters.list({ log: "a b" }, query)), "bad_name");
    assert.equal(code(await core.letters.list({ from: "#" }, query)), "bad_name");
  });

  it("come in pages, both ways", async () => {
    const { core } = await open();
    const page = async (from: number, direction: "forward" | "backward", filter: LetterFilter = {}) => {
      const { letters, next } = value(await core.letters.list(filter, { from, direction, limit: 2 }));
      return [letters.map(({ letter }) => letter), next];
    };
    assert.deepEqual(await page(0, "forward"), [[1, 2], 2]);
    assert.deepEqual(await page(2, "forward"), [[3, 4], undefined]);
    assert.deepEqual(await page(Number.MAX_SAFE_INTEGER, "backward"), [[4, 3], 3]);
    assert.deepEqual(await page(3, "backward"), [[2, 1], undefined]);
    assert.deepEqual(await page(0, "forward", { reason: "expired" }), [[1, 3], 3]);
  });

  it("are shown with everything that the message was", async () => {
    const { core, clock } = await open();
    const { message, ...letter } = value(await core.letters.get(2));
    const { time: ts } = clock;
    assert.deepEqual(letter, {
      letter: 2,
      reason: "rejected",
      ts: ts - 80_000,
      log: "alice",
      epoch: "e1",
      seq: 2,
      pending: [],
      note: "what is that?",
    });
    assert.partialDeepStrictEqual(message, { from: "Carol", to: "alice", body: "AAAA", contentType: "x/y" });
    for (const unknown of [0, 5, -1]) assert.equal(code(await core.letters.get(unknown)), "unknown_message");
  });
});

describe("a replay", () => {
  it("is a new message that names the first, once, to the address it was for", async () => {
    const fixture = await open();
    const alice = await login(fixture, "alice");
    alice.connection.take();
    const first = value(await fixture.core.letters.replay(1));
    await turns();
    assert.deepEqual([first.to, first.duplicate], ["alice", false]);
    const [event] = alice.connection.take();
    assert.ok(event?.op === "message");
    const original = value(await fixture.core.letters.get(1));
    const { id, ts, ...message } = JSON.parse(event.payload);
    assert.deepEqual([id, ts], [first.id, first.ts]);
    assert.deepEqual(message, { from: "bob", to: "alice", body: "one", type: "t", replayOf: original.message.id });
    assert.deepEqual(original.replayed, { id, ts, to: "alice" });
    assert.deepEqual(value(await fixture.core.letters.replay(1, { to: "bob" })), { ...first, duplicate: true });
    assert.deepEqual(alice.connection.take(), []);
  });

  it("goes to another address where that is asked for, and again where that is", async () => {
    const fixture = await open();
    const ids = new Set<string>();
    for (const options of [{ to: "#room" }, { to: "BOB", again: true }, { again: true }])
      ids.add(value(await fixture.core.letters.replay(2, options)).id);
    assert.equal(ids.size, 3);
    const last = async (log: string) => {
      const [entry] = await fixture.engine.read(log as LogName, 1e6, "backward", 1);
      return JSON.parse(entry?.payload ?? "{}");
    };
    for (const [log, to] of [
      ["#room", "#room"],
      ["bob", "bob"],
      ["alice", "alice"],
    ] as const)
      assert.partialDeepStrictEqual(await last(log), { from: "Carol", to, body: "AAAA", encoding: "base64" });
    assert.equal(value(await fixture.core.letters.get(2)).replayed?.to, "alice");
  });

  it("of the same letter twice at once is one", async () => {
    const fixture = await open();
    const both = await Promise.all([fixture.core.letters.replay(3), fixture.core.letters.replay(3)]);
    const [one, two] = both.map(value);
    assert.deepEqual([one?.duplicate, two?.duplicate, one?.id], [false, true, two?.id]);
  });

  it("back to its sender is for the sender to acknowledge", async () => {
    const fixture = await open();
    const { id } = value(await fixture.core.letters.replay(1, { to: "bob" }));
    const bob = await login(fixture, "bob");
    const got = bob.connection.take().some((event) => event.op === "message" && event.payload.includes(id));
    assert.ok(got);
    assert.equal((await fixture.core.accounts.of("bob" as LogName)).pending, 1);
  });

  it("that the store refuses leaves the letter as it was", async () => {
    const fixture = await open();
    fixture.engine.fail("append");
    assert.equal(code(await fixture.core.letters.replay(1)), "storage_unavailable");
    fixture.engine.heal();
    assert.equal(value(await fixture.core.letters.get(1)).replayed, undefined);
    assert.equal(value(await fixture.core.letters.replay(1)).duplicate, false);
  });

  it("is refused to who is not there, and of what is not there", async () => {
    const { core } = await open();
    const codes = [
      core.letters.replay(1, { to: "nobody" }),
      core.letters.replay(1, { to: "#nowhere" }),
      core.letters.replay(9),
    ];
    assert.deepEqual((await Promise.all(codes)).map(code), ["unknown_user", "unknown_room", "unknown_message"]);
    await core.removeRoom("#room");
    assert.equal(code(await core.letters.replay(3)), "unknown_room");
  });
});

describe("purging", () => {
  it("one letter leaves the others, and it cannot be seen or replayed any more", async () => {
    const { core, listed } = await open();
    assert.deepEqual(value(await core.letters.purge(2)), { purged: 1 });
    assert.deepEqual(await listed(), ["1 expired alice", "3 expired #room", "4 expired bob"]);
    for (const act of [core.letters.get(2), core.letters.purge(2), core.letters.replay(2)])
      assert.equal(code(await act), "unknown_message");
  });

  it("many by filter, and the texts go from the disk when nothing before them is left", async () => {
    const { core, engine, listed } = await open();
    const first = async () => (await engine.head(deadLetterLog)).first;
    assert.deepEqual(value(await core.letters.purgeAll({ reason: "rejected" })), { purged: 1 });
    assert.equal(await first(), 1);
    assert.deepEqual(value(await core.letters.purgeAll({ log: "alice" })), { purged: 1 });
    assert.equal(await first(), 3);
    assert.deepEqual(await listed(), ["3 expired #room", "4 expired bob"]);
    assert.deepEqual(value(await core.letters.purgeAll({})), { purged: 2 });
    assert.equal(await first(), 5);
    assert.deepEqual(await core.letters.count(), { byReason: {}, replayed: 0 });
  });

  it("is bounded: it says where to go on", async () => {
    const fixture = await openCore();
    (await login(fixture, "alice")).session.end();
    const bob = await login(fixture, "bob");
    for (let n = 0; n < 1500; n++) bob.do({ op: "send", to: "alice", body: "", ttl: 1, copy: false });
    await turns();
    fixture.clock.time += 1;
    await fixture.core.expire();
    assert.deepEqual((await fixture.core.letters.count()).byReason, { expired: 1500 });
    const { purged, next } = value(await fixture.core.letters.purgeAll({}));
    assert.deepEqual([purged, next], [1000, 1000]);
    assert.deepEqual(value(await fixture.core.letters.purgeAll({}, next)), { purged: 500 });
  });
});

it("letters of a store that kept no records of them are adopted", async () => {
  const engine = new MemoryEngine(() => "e1");
  const letter: DeadLetter = {
    reason: "retention",
    ts: 5,
    log: "alice" as LogName,
    epoch: "e1",
    seq: 3,
    pending: [],
    message: { id: "i", from: "bob", to: "alice", ts: 1, body: "old" },
  };
  const plain = {
    id: "",
    ts: 5,
    origin: "",
    expiresAt: 0,
    durability: "fsync",
    dedupeKey: undefined,
    digest: "",
  } as const;
  await new Promise((settled) =>
    engine.append({ ...plain, logs: [deadLetterLog], payload: JSON.stringify(letter), settled }),
  );
  for (let restart = 0; restart < 2; restart++) {
    const { core } = await openCore({ engine });
    assert.partialDeepStrictEqual(value(await core.letters.get(1)), { reason: "retention", seq: 3 });
  }
});
