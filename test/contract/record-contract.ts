/** What `engine.ts` promises of records beside the logs: a part of the suite in `engine-contract.ts`. */
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import type { UserKey } from "@parley/protocol";
import type { CursorWrite, Engine, LogPosition } from "../../packages/server/src/engine/engine.ts";
import { log, message } from "./appends.ts";

/** Registers the tests; `open` is that of the engine under test. */
export function recordContract(open: (context: TestContext) => Promise<Engine>): void {
  const cursor = (device: string, seq: number) =>
    ({
      kind: "cursor",
      key: `alice ${device} bob`,
      value: { user: "alice" as UserKey, device: device as never, log: log("bob"), epoch: "e", seq },
    }) as const;

  it("writes, overwrites, deletes and scans records by kind and prefix", async (t) => {
    const engine = await open(t);
    const user = (name: string) =>
      ({ kind: "user", key: name, value: { name, createdAt: 1, lastSeen: 2, everyoneSeq: 0 } }) as const;
    await engine.write([
      user("bob"),
      user("alice"),
      user("alina"),
      { kind: "room", key: "#alice", value: { name: "#alice", createdAt: 1 } },
    ]);
    await engine.write([{ kind: "user", key: "bob", value: undefined }, user("zoë")]);
    assert.deepEqual(
      (await engine.scan("user", "")).map(([key]) => key),
      ["alice", "alina", "zoë"],
    );
    assert.deepEqual(
      (await engine.scan("user", "ali")).map(([, { name }]) => name),
      ["alice", "alina"],
    );
    await engine.close();
  });

  it("scans in pages, in key order", async (t) => {
    const engine = await open(t);
    const room = (key: string, value: { name: string; createdAt: number } | undefined) =>
      ({ kind: "room", key, value }) as const;
    await engine.write(["#a", "#b", "#c", "#d", "#e"].map((key) => room(key, { name: key, createdAt: 1 })));
    await engine.write([room("#b", undefined), { kind: "secret", key: "#f", value: { value: "x" } }]);
    const keysOf = async (...args: [prefix: string, page?: { after?: string; limit?: number }]) =>
      (await engine.scan("room", ...args)).map(([key]) => key);
    assert.deepEqual(await keysOf("#", { limit: 2 }), ["#a", "#c"]);
    assert.deepEqual(await keysOf("#", { after: "#a", limit: 2 }), ["#c", "#d"]);
    assert.deepEqual(await keysOf("#", { after: "#d" }), ["#e"]);
    assert.deepEqual(await keysOf("#", { after: "#e", limit: 1 }), []);
    await engine.close();
  });

  it("writes the records of an append with it, and none for a repeat", async (t) => {
    const engine = await open(t);
    const counted = (n: number) => ({
      ...message(["alice", "bob"], "one", { dedupeKey: "key" }),
      records: (entries: readonly LogPosition[]) =>
        entries.map(({ log: name, seq }) => ({ kind: "counter", key: `${name} ${seq}`, value: { last: n } }) as const),
    });
    for (const n of [1, 2]) {
      const one = counted(n);
      engine.append(one);
      const outcome = await one.outcome;
      assert.equal(outcome.ok && outcome.duplicate, n === 2);
    }
    assert.deepEqual(await engine.scan("counter", ""), [
      ["alice 1", { last: 1 }],
      ["bob 1", { last: 1 }],
    ]);
    await engine.close();
  });

  it("writes a cursor that moved in place while it waited as it is then", async (t) => {
    const engine = await open(t);
    const moving: CursorWrite = cursor("phone", 5);
    const seqs = async () => (await engine.scan("cursor", "alice ")).map(([, { seq }]) => seq);
    const moveTo = (seq: number) => {
      Object.assign(moving.value ?? {}, { seq });
      if (!moving.waiting) engine.commitCursor(moving);
    };
    engine.commitCursor(moving);
    moveTo(6);
    assert.deepEqual(await seqs(), [6]);
    await engine.write([]);
    assert.deepEqual(await seqs(), [6]);
    moveTo(7);
    moveTo(8);
    assert.deepEqual(await seqs(), [8]);
    await engine.write([{ kind: "cursor", key: moving.key, value: undefined }]);
    assert.deepEqual(await seqs(), []);
    moveTo(9);
    assert.deepEqual(await seqs(), [9]);
    engine.commitCursor(cursor("phone", 10));
    moveTo(11);
    assert.deepEqual(await seqs(), [11]);
    await engine.write([]);
    assert.deepEqual(await seqs(), [11]);
    await engine.close();
  });

  it("shows a lazily written cursor at once, and lets it be deleted", async (t) => {
    const engine = await open(t);
    engine.commitCursor(cursor("phone", 5));
    engine.commitCursor(cursor("phone", 7));
    assert.deepEqual(
      (await engine.scan("cursor", "alice ")).map(([, { seq }]) => seq),
      [7],
    );
    await engine.write([{ kind: "cursor", key: "alice phone bob", value: undefined }]);
    assert.deepEqual(await engine.scan("cursor", "alice "), []);
    await engine.close();
  });
}
