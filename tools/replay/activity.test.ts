import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Activity } from "./activity.ts";

const stallMs = 100;

test("a condition is looked at when something changed", async () => {
  const activity = new Activity();
  let count = 0;
  const reached = activity.until(() => count === 2, stallMs);
  for (; count < 2; count += 1) activity.changed();
  activity.changed();
  assert.equal(await reached, true);
  assert.equal(await activity.until(() => true, stallMs), true);
});

test("waiting ends when nothing changes any more", async () => {
  mock.timers.enable({ apis: ["setInterval"] });
  const activity = new Activity();
  let held: boolean | undefined;
  const ended = activity
    .until(() => false, stallMs)
    .then((outcome) => {
      held = outcome;
    });
  activity.changed();
  mock.timers.tick(stallMs);
  await Promise.resolve();
  assert.equal(held, undefined);
  mock.timers.tick(stallMs);
  await ended;
  assert.equal(held, false);
  mock.timers.reset();
});
