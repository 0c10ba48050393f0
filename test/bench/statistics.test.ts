/** What rounds say together: the numbers that a change has to prove itself by. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { percentile, ratioOf, spreadOf } from "../../bench/statistics.ts";

describe("a spread", () => {
  it("has the number in the middle as its median, whatever the order", () => {
    assert.deepEqual(spreadOf([30, 10, 20]), { median: 20, min: 10, max: 30 });
  });

  it("of an even number has the mean of the two in the middle", () => {
    assert.deepEqual(spreadOf([4, 1, 2, 3]), { median: 2.5, min: 1, max: 4 });
  });

  it("of one is that one, and of none is no number", () => {
    assert.deepEqual(spreadOf([7]), { median: 7, min: 7, max: 7 });
    assert.deepEqual(spreadOf([]), { median: Number.NaN, min: Number.NaN, max: Number.NaN });
  });

  it("orders by value, not by digits", () => {
    assert.equal(spreadOf([100, 9, 20]).median, 20);
  });
});

describe("a percentile", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);

  it("is the number that so many are not above", () => {
    assert.equal(percentile(hundred, 0.5), 50);
    assert.equal(percentile(hundred, 0.99), 99);
    assert.equal(percentile(hundred, 1), 100);
  });

  it("of few is one of them: the longest of ten is their p99.9", () => {
    assert.equal(percentile(hundred.slice(0, 10), 0.999), 10);
    assert.equal(percentile([5], 0.5), 5);
    assert.ok(Number.isNaN(percentile([], 0.5)));
  });
});

describe("a ratio", () => {
  it("is that of the medians, with the least and the most of the rounds' own", () => {
    const { median, min, max } = ratioOf([100, 200, 100], [110, 180, 120]);
    assert.equal(median, 1.2);
    assert.equal(min, 0.9);
    assert.equal(max, 1.2);
  });

  it("is between two others with 95 % confidence, the further apart the more the rounds differ", () => {
    // As R has it: exp(t.test(log(c(1.1, 0.9, 1.2)))$conf.int)
    const { low, high } = ratioOf([100, 200, 100], [110, 180, 120]);
    assert.ok(Math.abs(low - 0.734) < 0.001 && Math.abs(high - 1.528) < 0.001, `${low} ${high}`);
    const same = ratioOf([100, 200, 100], [90, 180, 90]);
    assert.deepEqual([same.low.toFixed(9), same.high.toFixed(9)], ["0.900000000", "0.900000000"]);
    assert.ok(Number.isNaN(ratioOf([100], [50]).low));
  });

  it("leaves out rounds that only one has", () => {
    assert.deepEqual(ratioOf([100], [50, 900]).max, 0.5);
  });
});
