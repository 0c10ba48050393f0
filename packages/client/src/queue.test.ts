import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Queue } from "./queue.ts";

test("behaves as an array does", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("push" as const), items: fc.array(fc.nat()) }),
    fc.record({ do: fc.constant("shift" as const), times: fc.nat(3000) }),
    fc.record({ do: fc.constant("unshift" as const), items: fc.array(fc.nat()) }),
    fc.record({ do: fc.constant("fill" as const), count: fc.nat(3000) }),
    fc.record({ do: fc.constant("remove" as const), divisor: fc.integer({ min: 2, max: 5 }) }),
  );
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const queue = new Queue<number>();
      let model: number[] = [];
      for (const step of steps) {
        if (step.do === "push") for (const item of step.items) model.push(item);
        if (step.do === "push") for (const item of step.items) queue.push(item);
        if (step.do === "fill") for (let n = 0; n < step.count; n++) model.push(n);
        if (step.do === "fill") for (let n = 0; n < step.count; n++) queue.push(n);
        if (step.do === "shift") for (let n = 0; n < step.times; n++) assert.equal(queue.shift(), model.shift());
        if (step.do === "unshift") queue.unshift(step.items);
        if (step.do === "unshift") model = [...step.items, ...model];
        if (step.do === "remove") {
          const matches = (item: number) => item % step.divisor === 0;
          assert.deepEqual(queue.remove(matches), model.filter(matches));
          model = model.filter((item) => !matches(item));
        }
        assert.equal(queue.size, model.length);
      }
      while (model.length > 0) assert.equal(queue.shift(), model.shift());
      assert.equal(queue.shift(), undefined);
    }),
    { numRuns: 50 },
  );
});
