/** Pages of a log: filters, what has expired, and the limits of messages, bytes and entries looked at. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type LogName, ok } from "@parley/protocol";
import { turns } from "../../testing/core-fixture.ts";
import { MemoryEngine } from "../engine/memory.ts";
import { parseHistory, readPage } from "./history.ts";

const log = "alice" as LogName;
const now = 1000;

interface Stored {
  readonly from?: string;
  readonly to?: string | readonly string[];
  readonly expiresAt?: number;
  readonly body?: string;
}

async function engineWith(...messages: readonly Stored[]): Promise<MemoryEngine> {
  const engine = new MemoryEngine(() => "e1");
  for (const { expiresAt = 0, from = "bob", to = "Alice", body = "" } of messages) {
    engine.append({
      id: "",
      ts: 1,
      logs: [log],
      payload: JSON.stringify({ from, to, body }),
      origin: "",
      expiresAt,
      durability: "memory",
      dedupeKey: undefined,
      digest: "",
      settled: () => {},
    });
  }
  await turns(2);
  return engine;
}

const many = (count: number, make: (seq: number) => Stored = () => ({})) =>
  Array.from({ length: count }, (_, at) => make(at + 1));

async function page(engine: MemoryEngine, request: Omit<Parameters<typeof parseHistory>[0], "op" | "log">) {
  const query = parseHistory({ op: "history", log: "alice", ...request });
  assert.ok(query.ok);
  const { entries, next, epoch } = await readPage(engine, query.value, now);
  assert.equal(epoch, "e1");
  return [entries.map(({ seq }) => seq), next] as const;
}

describe("parsing a request", () => {
  it("gives where to read from and which way", () => {
    const request = { op: "history", log: "ALICE" } as const;
    const query = { log, direction: "backward", from: Number.MAX_SAFE_INTEGER, limit: 50, filter: undefined };
    assert.deepEqual(parseHistory(request), ok(query));
    assert.deepEqual(parseHistory({ ...request, before: 5, limit: 7 }), ok({ ...query, from: 5, limit: 7 }));
    const forward = parseHistory({ ...request, after: 0, with: "BOB" });
    assert.ok(forward.ok && forward.value.filter);
    assert.deepEqual({ ...forward.value, filter: undefined }, { ...query, direction: "forward", from: 0 });
  });

  it("refuses both ways at once and names that are none", () => {
    const codeOf = (more: object) => {
      const parsed = parseHistory({ op: "history", log: "alice", ...more });
      return parsed.ok ? "ok" : parsed.fault.code;
    };
    assert.deepEqual(
      [codeOf({ before: 1, after: 1 }), codeOf({ log: "$dead" }), codeOf({ with: "*" })],
      ["bad_message", "bad_name", "bad_name"],
    );
  });
});

describe("a page", () => {
  it("ends where the log does", async () => {
    const engine = await engineWith(...many(3));
    assert.deepEqual(await page(engine, { limit: 2 }), [[2, 3], 2]);
    assert.deepEqual(await page(engine, { limit: 2, before: 2 }), [[1], undefined]);
    assert.deepEqual(await page(engine, { limit: 2, after: 0 }), [[1, 2], 2]);
    assert.deepEqual(await page(engine, { limit: 2, after: 2 }), [[3], undefined]);
    await engine.trim(log, 3);
    assert.deepEqual(await page(engine, {}), [[3], undefined]);
    assert.deepEqual(await page(engine, { after: 0 }), [[3], undefined]);
  });

  it("leaves out what has expired, and what neither came from nor went to the user asked for", async () => {
    const engine = await engineWith(
      { from: "bob" },
      { from: "Bob", expiresAt: now },
      { from: "carol" },
      { from: "Alice", to: "BOB" },
      { from: "Alice", to: ["carol", "Bob"], expiresAt: now + 1 },
      { from: "Alice", to: "bobby" },
      { from: "ＢＯＢ" },
    );
    assert.deepEqual(await page(engine, {}), [[1, 3, 4, 5, 6, 7], undefined]);
    assert.deepEqual(await page(engine, { with: "bob" }), [[1, 4, 5, 7], undefined]);
    assert.deepEqual(await page(engine, { with: "bob", limit: 2 }), [[5, 7], 5]);
    assert.deepEqual(await page(engine, { with: "bob", limit: 2, after: 0 }), [[1, 4], 4]);
  });

  it("looks at a bounded number of entries, and next goes on where it stopped", async () => {
    const engine = await engineWith(...many(6000, (seq) => ({ from: seq === 1 ? "bob" : "carol" })));
    const [found, next] = await page(engine, { with: "bob" });
    assert.deepEqual([found, next], [[], 1001]);
    assert.deepEqual(await page(engine, { with: "bob", before: next }), [[1], undefined]);
    const expired = await engineWith(...many(6000, () => ({ expiresAt: 1 })));
    const [none, after] = await page(expired, { after: 0, limit: 500 });
    assert.deepEqual([none, after], [[], 5000]);
  });

  it("has about 1 MiB and at least one message", async () => {
    const engine = await engineWith(...many(4, () => ({ body: "x".repeat(400_000) })), { body: "x".repeat(3_000_000) });
    assert.deepEqual(await page(engine, { limit: 1 }), [[5], 5]);
    const [seqs] = await page(engine, {});
    assert.ok(seqs.length < 4 && seqs.at(-1) === 5, `${seqs}`);
    const [forward] = await page(engine, { after: 0 });
    assert.ok(forward.length >= 2 && forward.length <= 3 && forward[0] === 1, `${forward}`);
  });
});
