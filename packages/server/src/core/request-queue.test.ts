/** Requests under way: bounded, in order, and not for a peer that leaves its answers unread. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TestConnection, turns } from "../../testing/core-fixture.ts";
import { maxPendingRequests, RequestQueue } from "./request-queue.ts";

function open() {
  const connection = new TestConnection();
  const problems: unknown[] = [];
  const state = { full: false };
  const queue = new RequestQueue(
    connection,
    () => state.full,
    (problem) => problems.push(problem),
  );
  return { connection, problems, state, queue };
}

describe("requests under way", () => {
  it("stop the reading above a limit, and let it go on below half of it", () => {
    const { connection, queue } = open();
    const states: boolean[] = [];
    const many = (count: number, step: () => void) => {
      for (let n = 0; n < count; n++) step();
      states.push(connection.paused);
    };
    many(maxPendingRequests - 1, () => queue.taken());
    many(1, () => queue.taken());
    many(100, () => queue.taken());
    many(maxPendingRequests / 2 + 99, () => queue.answered());
    many(1, () => queue.answered());
    assert.deepEqual(states, [false, true, true, true, false]);
  });

  it("run one after the other, also after one that failed", async () => {
    const { queue, problems } = open();
    const steps: string[] = [];
    for (const name of ["a", "b", "c"]) {
      queue.enqueue(async () => {
        steps.push(`${name} begins`);
        await turns(1);
        if (name === "b") throw new Error("a bug");
        steps.push(`${name} ends`);
      });
    }
    await turns();
    assert.deepEqual(steps, ["a begins", "a ends", "b begins", "c begins", "c ends"]);
    assert.match(String(problems), /a bug/);
  });

  it("wait while the peer does not read", async () => {
    const { queue, state } = open();
    const steps: number[] = [];
    state.full = true;
    for (const n of [1, 2]) queue.enqueue(async () => void steps.push(n));
    await turns();
    assert.deepEqual(steps, []);
    state.full = false;
    queue.drained();
    await turns();
    assert.deepEqual(steps, [1, 2]);
  });

  it("are dropped when the session ends, and counted off", async () => {
    const { connection, queue, state } = open();
    state.full = true;
    for (let n = 0; n < maxPendingRequests; n++) queue.enqueue(assert.fail);
    await turns();
    assert.equal(connection.paused, true);
    queue.end();
    await turns();
    assert.equal(connection.paused, false);
  });
});
