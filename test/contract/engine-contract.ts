/**
 * The engine port as tests: what `engine.ts` promises, run against every engine. A new engine's test is a call of
 * `engineContract` with how to open it. `durable` engines are also closed and opened again.
 */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { UserKey } from "@parley/protocol";
import type { Engine, LogPosition } from "../../packages/server/src/engine/engine.ts";
import { append, bodies, log, message } from "./appends.ts";
import { recordContract } from "./record-contract.ts";

export interface EngineUnderTest {
  readonly name: string;
  /** Opens an engine on the store of this test: the same store for the same context. */
  readonly open: (context: TestContext) => Promise<Engine>;
  readonly durable: boolean;
}

/** Registers the suite for one engine. */
export function engineContract({ name, open, durable }: EngineUnderTest): void {
  describe(`engine contract: ${name}`, () => {
    appending(open);
    reading(open);
    deduplication(open);
    recordContract(open);
    if (durable) reopening(open);
  });
}

type Open = EngineUnderTest["open"];

/** Only the place of an entry or position, for comparison. */
const place = ({ log: name, epoch, seq }: LogPosition) => ({ log: name, epoch, seq });

function appending(open: Open): void {
  it("gives out seqs 1, 2, 3 in call order, per log", async (t) => {
    const engine = await open(t);
    const all = [message(["alice"], "a"), message(["bob"], "b"), message(["alice"], "c")];
    for (const one of all) engine.append(one);
    const outcomes = await Promise.all(all.map(({ outcome }) => outcome));
    assert.deepEqual(
      outcomes.map((o) => o.ok && o.positions.map(({ log: l, seq }) => `${l}:${seq}`)),
      [["alice:1"], ["bob:1"], ["alice:2"]],
    );
    await engine.close();
  });

  it("writes one append to several logs with one id", async (t) => {
    const engine = await open(t);
    const outcome = await append(engine, ["alice", "#room", "bob"], "hé", { id: "the-id" });
    assert.equal(outcome.id, "the-id");
    assert.equal(outcome.bytes, Buffer.byteLength(outcome.entries[0]?.payload ?? ""));
    assert.deepEqual(
      outcome.positions.map(({ log: l }) => l),
      ["alice", "#room", "bob"],
    );
    for (const name of ["alice", "#room", "bob"]) assert.deepEqual(await bodies(engine, name), ["hé"]);
    await engine.close();
  });

  it("keeps a log's epoch and tells head, count and bytes", async (t) => {
    const engine = await open(t);
    const empty = await engine.head(log("alice"));
    assert.deepEqual({ first: empty.first, tail: empty.tail, bytes: empty.bytes }, { first: 1, tail: 0, bytes: 0 });
    const { positions } = await append(engine, ["alice"], "é");
    assert.equal(positions[0]?.epoch, empty.epoch);
    assert.deepEqual(await engine.head(log("alice")), {
      epoch: empty.epoch,
      first: 1,
      tail: 1,
      bytes: Buffer.byteLength('{"body":"é"}'),
    });
    await engine.close();
  });

  it("takes a memory append and fsync appends of one log in order", async (t) => {
    const engine = await open(t);
    const settledOrder: string[] = [];
    const all = Array.from({ length: 30 }, (_, i) =>
      message(["alice"], String(i), { durability: i % 3 === 0 ? "fsync" : "memory" }),
    );
    for (const one of all) {
      engine.append(one);
      void one.outcome.then(() => settledOrder.push(one.id));
    }
    await Promise.all(all.map(({ outcome }) => outcome));
    assert.deepEqual(
      settledOrder,
      all.map(({ id }) => id),
    );
    assert.deepEqual(
      await bodies(engine, "alice"),
      all.map((_, i) => String(i)),
    );
    await engine.close();
  });

  it("hints subscribers at what became readable", async (t) => {
    const engine = await open(t);
    const hints: string[] = [];
    engine.subscribe((name, seq) => hints.push(`${name}:${seq}`));
    await append(engine, ["alice"], "a");
    await append(engine, ["alice", "bob"], "b");
    await new Promise(setImmediate);
    assert.deepEqual(hints.filter((hint) => hint !== "alice:1").sort(), ["alice:2", "bob:1"]);
    await engine.close();
  });

  it("refuses appends after close", async (t) => {
    const engine = await open(t);
    await engine.close();
    const late = message(["alice"], "late");
    engine.append(late);
    const outcome = await late.outcome;
    assert.equal(outcome.ok ? "stored" : outcome.fault.code, "storage_unavailable");
    await assert.rejects(engine.write([]), { name: "StorageUnavailable" });
  });
}

function reading(open: Open): void {
  it("reads both ways, from anywhere, with limits", async (t) => {
    const engine = await open(t);
    await Promise.all(Array.from({ length: 200 }, (_, i) => append(engine, ["alice"], String(i + 1))));
    const seqs = async (...args: [number, "forward" | "backward", number]) =>
      (await engine.read(log("alice"), ...args)).map(({ seq }) => seq);
    assert.deepEqual(await seqs(0, "forward", 3), [1, 2, 3]);
    assert.deepEqual(await seqs(127, "forward", 3), [128, 129, 130]);
    assert.deepEqual(await seqs(199, "forward", 3), [200]);
    assert.deepEqual(await seqs(200, "forward", 3), []);
    assert.deepEqual(await seqs(201, "backward", 3), [200, 199, 198]);
    assert.deepEqual(await seqs(Number.MAX_SAFE_INTEGER, "backward", 1), [200]);
    assert.deepEqual(await seqs(3, "backward", 5), [2, 1]);
    assert.deepEqual(await seqs(1, "backward", 5), []);
    assert.deepEqual(await bodies(engine, "nobody"), []);
    await engine.close();
  });

  it("bounds a read by bytes, but gives at least one entry", async (t) => {
    const engine = await open(t);
    for (let i = 0; i < 5; i++) await append(engine, ["alice"], "x".repeat(1000));
    assert.equal((await engine.read(log("alice"), 0, "forward", 10, 2500)).length, 2);
    assert.equal((await engine.read(log("alice"), 0, "forward", 10, 10)).length, 1);
    assert.equal((await engine.read(log("alice"), 99, "backward", 10, 10)).length, 1);
    await engine.close();
  });

  it("carries any text, origin and expiry faithfully", async (t) => {
    const engine = await open(t);
    const odd = 'tab\t newline\n nul\0 é 漢字 😀 \ud800 lone \u2028 quote" back\\ del\x7f';
    await append(engine, ["alice"], odd, { origin: "phone", expiresAt: 1234 });
    const [entry] = await engine.read(log("alice"), 0, "forward", 1);
    assert.deepEqual(JSON.parse(entry?.payload ?? ""), { body: odd });
    assert.equal(entry?.origin, "phone");
    assert.equal(entry?.expiresAt, 1234);
    await engine.close();
  });

  it("trims: a hole for readers, fewer bytes, the tail stays", async (t) => {
    const engine = await open(t);
    for (let i = 1; i <= 10; i++) await append(engine, ["alice"], String(i));
    const before = await engine.head(log("alice"));
    await engine.trim(log("alice"), 4);
    assert.deepEqual(
      (await engine.read(log("alice"), 0, "forward", 2)).map(({ seq }) => seq),
      [4, 5],
    );
    assert.deepEqual(
      (await engine.read(log("alice"), 6, "backward", 9)).map(({ seq }) => seq),
      [5, 4],
    );
    const after = await engine.head(log("alice"));
    assert.deepEqual({ first: after.first, tail: after.tail }, { first: 4, tail: 10 });
    assert.equal(before.bytes - after.bytes, 3 * Buffer.byteLength('{"body":"1"}'));
    await engine.trim(log("alice"), 99);
    assert.deepEqual(await bodies(engine, "alice"), []);
    assert.deepEqual({ ...(await engine.head(log("alice"))), epoch: "" }, { epoch: "", first: 11, tail: 10, bytes: 0 });
    assert.equal((await append(engine, ["alice"], "11")).positions[0]?.seq, 11);
    await engine.close();
  });

  it("lists logs in pages", async (t) => {
    const engine = await open(t);
    for (const name of ["bob", "#room", "alice", "*"]) await append(engine, [name], "x");
    const first = await engine.logs("", 3);
    assert.deepEqual(first, ["#room", "*", "alice"]);
    assert.deepEqual(await engine.logs(first.at(-1) ?? "", 3), ["bob"]);
    await engine.close();
  });
}

function deduplication(open: Open): void {
  it("stores a repeat once and tells the first one's id, ts and positions", async (t) => {
    const engine = await open(t);
    const first = await append(engine, ["alice", "bob"], "hi", { id: "first", ts: 5, dedupeKey: "alice c1" });
    const again = await append(engine, ["alice", "bob"], "hi", { id: "second", ts: 6, dedupeKey: "alice c1" });
    assert.equal(again.duplicate, true);
    assert.equal(again.bytes, 0);
    assert.deepEqual([again.id, again.ts, again.positions.map(place)], ["first", 5, first.positions.map(place)]);
    assert.deepEqual(await bodies(engine, "bob"), ["hi"]);
    await engine.close();
  });

  it("recognises a repeat in the same turn", async (t) => {
    const engine = await open(t);
    const twice = [1, 2].map((n) => message(["alice"], "hi", { id: `id-${n}`, dedupeKey: "alice c1" }));
    for (const one of twice) engine.append(one);
    const outcomes = await Promise.all(twice.map(({ outcome }) => outcome));
    assert.deepEqual(
      outcomes.map((o) => o.ok && [o.id, o.duplicate]),
      [
        ["id-1", false],
        ["id-1", true],
      ],
    );
    await engine.close();
  });

  it("refuses the same key with other content, and keeps keys of different owners apart", async (t) => {
    const engine = await open(t);
    await append(engine, ["bob"], "one", { dedupeKey: "alice c1" });
    const reuse = message(["bob"], "two", { dedupeKey: "alice c1" });
    engine.append(reuse);
    const outcome = await reuse.outcome;
    assert.equal(outcome.ok ? "stored" : outcome.fault.code, "client_id_reused");
    assert.equal((await append(engine, ["bob"], "two", { dedupeKey: "carol c1" })).duplicate, false);
    assert.deepEqual(await bodies(engine, "bob"), ["one", "two"]);
    await engine.close();
  });

  it("never forgets a key that is younger than what may be expired", async (t) => {
    const engine = await open(t);
    await append(engine, ["bob"], "young", { ts: 2000, dedupeKey: "alice young" });
    await engine.expireDedupe(2000);
    assert.equal((await append(engine, ["bob"], "young", { dedupeKey: "alice young" })).duplicate, true);
    await engine.close();
  });
}

function reopening(open: Open): void {
  it("has everything after it was closed and opened again", async (t) => {
    const before = await open(t);
    const first = await append(before, ["alice", "bob"], "hi", { id: "first", dedupeKey: "alice c1" });
    await append(before, ["alice"], "quick", { durability: "memory" });
    await before.trim(log("bob"), 2);
    before.commitCursor({
      kind: "cursor",
      key: "bob phone bob",
      value: { user: "bob" as UserKey, device: "" as const, log: log("bob"), epoch: "e", seq: 1 },
    });
    const counted = message(["bob"], "counted");
    const value = { last: 7 };
    before.append({ ...counted, records: () => [{ kind: "counter", key: "with it", value }] });
    await counted.outcome;
    await before.trim(log("bob"), 3);
    const heads = await Promise.all([before.head(log("alice")), before.head(log("bob"))]);
    await before.close();

    const after = await open(t);
    assert.deepEqual(await Promise.all([after.head(log("alice")), after.head(log("bob"))]), heads);
    assert.deepEqual(await bodies(after, "alice"), ["hi", "quick"]);
    assert.deepEqual(await bodies(after, "bob"), []);
    assert.equal((await after.scan("cursor", "bob ")).length, 1);
    assert.deepEqual(await after.scan("counter", ""), [["with it", value]]);
    const again = await append(after, ["alice", "bob"], "hi", { dedupeKey: "alice c1" });
    assert.deepEqual(
      [again.duplicate, again.id, again.positions.map(place)],
      [true, "first", first.positions.map(place)],
    );
    assert.deepEqual(
      (await append(after, ["alice", "bob"], "next")).positions.map(({ seq }) => seq),
      [3, 3],
    );
    await after.close();
  });
}
