/** Soonest first, whatever the order in which things come. */
import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { TimeQueue } from "./time-queue.ts";

it("gives what is due, soonest first, and keeps the rest", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.nat(50), fc.nat(10), (times, now, limit) => {
      const queue = new TimeQueue<{ at: number }>();
      for (const at of times) queue.push({ at });
      const sorted = [...times].sort((a, b) => a - b);
      const due = sorted.filter((at) => at <= now).slice(0, limit);
      assert.deepEqual(
        queue.due(now, limit).map(({ at }) => at),
        due,
      );
      assert.equal(queue.size, times.length - due.length);
      assert.deepEqual(
        queue.due(99, 999).map(({ at }) => at),
        sorted.slice(due.length),
      );
    }),
  );
});
