/** What is a sign of life of a peer in the middle of a frame. */
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { FrameProgress } from "./frame-progress.ts";

function begin(t: TestContext) {
  let now = 1000;
  t.mock.method(performance, "now", () => now);
  const progress = new FrameProgress(100);
  return (afterMs: number, bytes: number, whole = false) => {
    now += afterMs;
    return progress.took(bytes, whole);
  };
}

it("any byte is, until ten times the limit for silence are over", (t) => {
  const took = begin(t);
  assert.ok(took(0, 1));
  assert.ok(took(999, 1));
  assert.equal(took(1, 1), false);
  assert.equal(took(10_000, 1), false);
});

it("a whole frame is at any time, and the next one has its own time", (t) => {
  const took = begin(t);
  assert.ok(took(0, 1));
  assert.equal(took(5000, 1), false);
  assert.ok(took(0, 1, true));
  assert.ok(took(5000, 1));
  assert.ok(took(999, 1));
});

it("a good part of a frame is, and the next part has its own time", (t) => {
  const took = begin(t);
  for (let part = 0; part < 20; part++) assert.ok(took(900, 65_536), `part ${part}`);
  assert.ok(took(900, 1));
  assert.equal(took(900, 1), false);
});
