import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "./random.ts";

test("the same seed and stream give the same numbers, others do not", () => {
  const draw = (seed: number, stream: string) => {
    const random = new Random(seed, stream);
    return Array.from({ length: 20 }, () => random.below(1_000_000));
  };
  assert.deepEqual(draw(1, "cuts"), draw(1, "cuts"));
  assert.notDeepEqual(draw(1, "cuts"), draw(2, "cuts"));
  assert.notDeepEqual(draw(1, "cuts"), draw(1, "kills"));
});

test("numbers are spread over the whole range", () => {
  const random = new Random(1, "spread");
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i += 1) {
    const drawn = random.below(10);
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  assert.ok(Math.min(...counts) > 800 && Math.max(...counts) < 1_200, counts.join(" "));
});
