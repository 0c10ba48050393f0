import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Bucket, Flow } from "./bucket.ts";

/** A bucket whose clock is turned by each call. */
function create(perSecond: number, start: number, atLeast = 0) {
  let time = start;
  const bucket = new Bucket(new Flow(perSecond, () => time, atLeast));
  const at = <T>(now: number, call: () => T): T => {
    time = now;
    return call();
  };
  return {
    take: (now: number, amount: number) => at(now, () => bucket.take(amount)),
    undo: () => bucket.undo(),
    isFull: (now: number) => at(now, () => bucket.isFull()),
  };
}

describe("a bucket", () => {
  it("gives two seconds' worth at once, and then what flows in", () => {
    const bucket = create(10, 1000);
    for (let i = 0; i < 20; i++) assert.equal(bucket.take(1000, 1), 0, `taking ${i}`);
    assert.equal(bucket.take(1000, 1), 100, "a tenth of a second for one");
    bucket.undo();
    assert.equal(bucket.take(1100, 1), 0);
    assert.ok(bucket.take(1199, 1) > 0);
  });

  it("lets no more than four seconds' worth through at once, however long nothing was taken", () => {
    const bucket = create(10, 0);
    for (let i = 0; i < 40; i++) assert.equal(bucket.take(3_600_000, 1), 0, `taking ${i}`);
    assert.equal(bucket.take(3_600_000, 1), 100);
  });

  it("lets at most rate × time + burst through, whatever the times", () => {
    const bucket = create(100, 0);
    let taken = 0;
    for (let now = 0; now <= 5000; now += 7) {
      for (let i = 0; i < 3; i++) {
        if (bucket.take(now, 1) === 0) taken += 1;
        else bucket.undo();
      }
    }
    assert.ok(taken <= 100 * 5 + 200 && taken >= 100 * 5 + 200 - 2, `${taken}`);
  });

  it("owes what cannot be refused, and never more than two seconds' worth", () => {
    const bucket = create(10, 0);
    assert.equal(bucket.take(0, 25), 500);
    assert.equal(bucket.take(500, 0), 0);
    assert.equal(bucket.take(500, 1_000_000), 2000);
  });

  it("undoes the last taking alone, so that refusals neither cost nor pay", () => {
    const bucket = create(10, 0);
    bucket.take(0, 20);
    for (let i = 0; i < 100; i++) {
      assert.equal(bucket.take(0, 5), 500);
      bucket.undo();
    }
    assert.equal(bucket.take(100, 1), 0);
  });

  it("has room for one taking that is larger than the rate", () => {
    const bucket = create(1, 0, 1000);
    assert.equal(bucket.take(0, 1000), 0);
    assert.ok(bucket.take(999_000, 1000) > 0);
    bucket.undo();
    assert.equal(bucket.take(1_000_000, 1000), 0);
  });

  it("has no limit at 0", () => {
    const bucket = create(0, 0);
    for (let i = 0; i < 1000; i++) assert.equal(bucket.take(0, 1_000_000), 0);
    assert.ok(bucket.isFull(1));
  });

  it("is full again after the time that what was taken needs", () => {
    const bucket = create(10, 0);
    bucket.take(0, 10);
    assert.ok(!bucket.isFull(999));
    assert.ok(bucket.isFull(1000));
  });
});
