/** Datagrams to one agent: in order, paced, and bounded while the operating system does not take them. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { DatagramQueue } from "./datagram-queue.ts";

function open(t: TestContext, maxBytes = 1000) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const sent: string[] = [];
  const open: ((taken: boolean) => void)[] = [];
  let drained = 0;
  const queue = new DatagramQueue(
    (datagram, done) => {
      sent.push(datagram.toString());
      open.push(done);
    },
    maxBytes,
    () => {
      drained += 1;
    },
  );
  /** The operating system has taken what was sent. */
  const take = (taken = true) => {
    for (const done of open.splice(0)) done(taken);
  };
  return { queue, sent, take, drained: () => drained, pause: () => t.mock.timers.tick(4) };
}

describe("the queue of datagrams", () => {
  it("sends one at once, and many in bursts, in order", (t) => {
    const { queue, sent, pause } = open(t, 1e6);
    queue.push(Buffer.from("0"));
    assert.deepEqual(sent, ["0"]);
    for (let n = 1; n < 80; n++) queue.push(Buffer.from(`${n}`));
    assert.equal(sent.length, 32);
    pause();
    assert.equal(sent.length, 64);
    pause();
    pause();
    assert.deepEqual(
      sent,
      Array.from({ length: 80 }, (_, n) => `${n}`),
    );
  });

  it("tells of each whether it was taken, and of none after the end", (t) => {
    const { queue, take, sent, pause } = open(t);
    const told: string[] = [];
    queue.push(Buffer.from("a"), (taken) => told.push(`a ${taken}`));
    take();
    queue.push(Buffer.from("b"), (taken) => told.push(`b ${taken}`));
    take(false);
    queue.push(Buffer.from("c"), (taken) => told.push(`c ${taken}`));
    for (let n = 0; n < 40; n++) queue.push(Buffer.from("waits"));
    queue.close();
    take();
    queue.push(Buffer.from("d"));
    pause();
    assert.deepEqual(told, ["a true", "b false"]);
    assert.equal(sent.length, 32);
  });

  it("is full from its limit on, and says once when half of it is gone", (t) => {
    const { queue, take, drained } = open(t, 1000);
    let pushed = 0;
    while (!queue.full && pushed < 100) {
      queue.push(Buffer.alloc(61));
      pushed += 1;
    }
    assert.equal(pushed, 8, "125 bytes each");
    assert.equal(drained(), 0);
    take();
    assert.deepEqual([drained(), queue.full], [1, false]);
    queue.push(Buffer.alloc(10));
    take();
    assert.equal(drained(), 1);
  });
});
