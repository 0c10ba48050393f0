/** Messages handed to a function: one after the other, acknowledged after it, again when it fails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { testInbox, wire } from "../testing/parts.ts";
import { settle } from "../testing/wait.ts";
import type { Message } from "./message.ts";
import { HandlerConsumer } from "./message-handler.ts";

test("the next message waits for the handler's promise, and its ack too", async () => {
  const { inbox, environment, acked } = testInbox();
  const running: { body: string; finish: () => void }[] = [];
  new HandlerConsumer(inbox, ({ body }) => new Promise<void>((finish) => running.push({ body, finish })));
  inbox.message(wire("alice", 1));
  inbox.message(wire("alice", 2));
  await settle();
  environment.turn();
  assert.equal(running.length, 1);
  assert.deepEqual(acked(), []);
  running[0]?.finish();
  await settle();
  environment.turn();
  assert.deepEqual(acked(), ["alice 1"]);
  assert.equal(running[1]?.body, "alice 2");
});

test("a failed message comes again after a back-off, before the rest of its log; other logs go on", async () => {
  for (const isAsync of [false, true]) {
    const { inbox, handled, environment, acked, events } = testInbox();
    let failures = 2;
    const handle = (message: Message) => {
      if (message.body === "alice 2" && failures-- > 0) throw new Error("no");
      handled.push(message.body);
    };
    new HandlerConsumer(inbox, isAsync ? async (message) => handle(message) : handle);
    for (let seq = 1; seq <= 3; seq++) for (const log of ["alice", "#room"]) inbox.message(wire(log, seq));
    await settle();
    assert.deepEqual(handled, ["alice 1", "#room 1", "#room 2", "#room 3"]);
    environment.turn();
    assert.deepEqual(acked(), ["alice 1", "#room 3"]);
    inbox.message(wire("alice", 4));
    environment.advance(125);
    await settle();
    assert.equal(handled.length, 4, "failed a second time");
    environment.advance(250);
    await settle();
    assert.deepEqual(handled.slice(4), ["alice 2", "alice 3", "alice 4"]);
    environment.turn();
    assert.deepEqual(acked(), ["alice 4"]);
    const problems = events.map(([, event]) => event as { type: string; attempt: number; retryInMs: number });
    assert.deepEqual(
      problems.map(({ type, attempt, retryInMs }) => [type, attempt, retryInMs]),
      [
        ["handler", 1, 125],
        ["handler", 2, 250],
      ],
    );
  }
});

test("whatever fails how often, each log is handled in order, each message once", async () => {
  const arrival = fc.record({ log: fc.constantFrom("alice", "#room"), failures: fc.nat(3), isAsync: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(arrival, { maxLength: 40 }), async (arrivals) => {
      const { inbox, handled, environment, acked } = testInbox();
      const seqs = new Map<string, number>();
      const left = new Map<string, { failures: number; isAsync: boolean }>();
      new HandlerConsumer(inbox, ({ body }) => {
        const plan = left.get(body);
        const outcome = () => {
          if (plan && plan.failures-- > 0) throw new Error("planned");
          handled.push(body);
        };
        return plan?.isAsync ? Promise.resolve().then(outcome) : outcome();
      });
      for (const { log, failures, isAsync } of arrivals) {
        const seq = (seqs.get(log) ?? 0) + 1;
        seqs.set(log, seq);
        left.set(`${log} ${seq}`, { failures, isAsync });
        inbox.message(wire(log, seq));
        if (seq % 3 === 0) await settle();
      }
      for (let n = 0; n < 500 && handled.length < arrivals.length; n++) {
        await settle();
        environment.advance(20_000);
      }
      environment.turn();
      for (const [log, last] of seqs) {
        const expected = Array.from({ length: last }, (_, index) => `${log} ${index + 1}`);
        assert.deepEqual(
          handled.filter((body) => body.startsWith(log)),
          expected,
        );
      }
      assert.deepEqual(new Set(acked().slice(-seqs.size)), new Set([...seqs].map(([log, seq]) => `${log} ${seq}`)));
    }),
    { numRuns: 60 },
  );
});

test("a message that comes again goes before what arrived of its log while another log was being handled", async () => {
  const { inbox, handled, environment } = testInbox();
  const slow = Promise.withResolvers<void>();
  let fails = true;
  new HandlerConsumer(inbox, (message) => {
    if (message.log === "#room") return slow.promise;
    if (fails) throw new Error("once");
    return handled.push(message.body);
  });
  inbox.message(wire("alice", 1));
  fails = false;
  inbox.message(wire("#room", 1));
  inbox.message(wire("alice", 2));
  environment.advance(20_000);
  slow.resolve();
  await settle();
  assert.deepEqual(handled, ["alice 1", "alice 2"]);
});

test("a message whose handler fails can be given up by acknowledging it", () => {
  const { inbox, handled, emitter, environment, acked } = testInbox();
  emitter.on("error", (problem) => {
    if (problem.type === "handler") problem.message.ack();
  });
  new HandlerConsumer(inbox, (message) => {
    if (message.seq === 1) throw new Error("poison");
    handled.push(message.body);
  }).ready();
  inbox.message(wire("alice", 1));
  inbox.message(wire("alice", 2));
  environment.advance(20_000);
  assert.deepEqual(handled, ["alice 2"]);
  environment.turn();
  assert.deepEqual(acked(), ["alice 2"]);
});

test("a new consumer waits for what the former one has in hand", async () => {
  for (const fails of [false, true]) {
    const { inbox, handled, environment, acked } = testInbox();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const former = new HandlerConsumer(inbox, () => promise);
    for (let seq = 1; seq <= 2; seq++) inbox.message(wire("alice", seq));
    former.detach();
    new HandlerConsumer(inbox, (message) => handled.push(message.body));
    await settle();
    assert.deepEqual(handled, []);
    if (fails) reject(new Error("no"));
    else resolve();
    await settle();
    environment.advance(20_000);
    assert.deepEqual(handled, fails ? ["alice 1", "alice 2"] : ["alice 2"]);
    environment.turn();
    assert.deepEqual(acked(), ["alice 2"]);
  }
});

test("closing stops the back-off of failing handlers", () => {
  const { inbox, environment } = testInbox();
  new HandlerConsumer(inbox, () => {
    throw new Error("always");
  });
  inbox.message(wire("alice", 1));
  assert.equal(environment.timers.length, 1);
  inbox.close(undefined);
  assert.deepEqual(environment.timers, []);
});
