/** What goes into one commit: all that waits, in order, but no more than it has room for. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Append } from "../engine.ts";
import { AppendQueue } from "./append-queue.ts";

const append = (payload: string) => ({ payload }) as Append;
const payloads = (appends: readonly Append[]) => appends.map(({ payload }) => payload);

describe("appends that wait", () => {
  it("are taken together where there is room, and else from the oldest on", () => {
    const queue = new AppendQueue(10);
    for (const payload of ["aaaa", "bbbb", "cc"]) queue.push(append(payload));
    assert.deepEqual(payloads(queue.take()), ["aaaa", "bbbb", "cc"]);
    assert.equal(queue.length, 0);
    for (const payload of ["aaaa", "bbbb", "ccc", "dddd", "e"]) queue.push(append(payload));
    assert.deepEqual(payloads(queue.take()), ["aaaa", "bbbb"]);
    queue.push(append("f"));
    assert.deepEqual(payloads(queue.take()), ["ccc", "dddd", "e", "f"]);
  });

  it("are taken one at a time where one alone is too much", () => {
    const queue = new AppendQueue(10);
    for (const payload of ["x".repeat(11), "y".repeat(12), "z"]) queue.push(append(payload));
    assert.deepEqual(payloads(queue.take()), ["x".repeat(11)]);
    assert.deepEqual(payloads(queue.take()), ["y".repeat(12)]);
    assert.deepEqual(payloads(queue.take()), ["z"]);
    assert.deepEqual(queue.take(), []);
  });
});
