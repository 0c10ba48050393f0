import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ManualEnvironment } from "../testing/manual-environment.ts";
import { Backoff } from "./backoff.ts";

test("each delay lies between 0 and min(cap, base · 2ⁿ), wherever the random number lies", () => {
  const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.array(fraction, { minLength: 1, maxLength: 50 }), (fractions) => {
      const environment = new ManualEnvironment();
      const backoff = new Backoff({ baseMs: 250, capMs: 20_000 }, environment);
      fractions.forEach((random, failures) => {
        environment.nextRandom = random;
        const bound = Math.min(20_000, 250 * 2 ** failures);
        assert.equal(backoff.failures, failures);
        assert.equal(backoff.next(), random * bound);
      });
    }),
  );
});

test("the delay that the server asked for comes on top, and success starts over", () => {
  const environment = new ManualEnvironment();
  const backoff = new Backoff({ baseMs: 100, capMs: 1000 }, environment);
  environment.nextRandom = 0;
  assert.equal(backoff.next(5000), 5000);
  environment.nextRandom = 0.5;
  assert.equal(backoff.next(5000), 5100);
  backoff.reset();
  assert.equal(backoff.next(), 50);
});
