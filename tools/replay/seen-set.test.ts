import assert from "node:assert/strict";
import { test } from "node:test";
import { SeenSet } from "./seen-set.ts";

test("holds what was added, however far apart, and tells what was there", () => {
  const set = new SeenSet();
  const numbers = [0, 7, 8, 511, 512, 513, 4_096, 100_003];
  for (const number of numbers) assert.equal(set.add(number), true);
  for (const number of numbers) assert.equal(set.add(number), false);
  const held = Array.from({ length: 100_010 }, (_, i) => i).filter((i) => set.has(i));
  assert.deepEqual(held, numbers);
});
