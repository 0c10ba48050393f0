import assert from "node:assert/strict";
import { test } from "node:test";
import type { Position } from "@parley/protocol";
import fc from "fast-check";
import { at, testParts, wire } from "../testing/parts.ts";
import { settle } from "../testing/wait.ts";
import type { Message } from "./message.ts";
import { HandlerConsumer } from "./message-handler.ts";
import { MessageStream } from "./message-stream.ts";

function create(options: Parameters<typeof testParts>[0] = {}) {
  const parts = testParts(options);
  parts.cursors.set(at("alice", 0));
  parts.cursors.set(at("#room", 0));
  const handled: string[] = [];
  const acked = () => parts.sent.splice(0).map(({ log, seq }) => `${log} ${seq}`);
  const names = () => parts.events.map(([name]) => name);
  return { ...parts, handled, acked, names };
}

test("hands messages out in the order of arrival, repeats not, and acknowledges after the handler", () => {
  const { inbox, handled, environment, acked } = create();
  inbox.message(wire("alice", 1));
  const consumer = new HandlerConsumer(inbox, (message) => handled.push(message.body));
  consumer.ready();
  for (const [log, seq] of [
    ["#room", 1],
    ["alice", 1],
    ["alice", 2],
    ["#room", 1],
    ["alice", 5],
  ] as const)
    inbox.message(wire(log, seq));
  assert.deepEqual(handled, ["alice 1", "#room 1", "alice 2", "alice 5"]);
  environment.turn();
  assert.deepEqual(acked(), ["alice 5", "#room 1"]);
});

test("the next message waits for the handler's promise, and its ack too", async () => {
  const { inbox, environment, acked } = create();
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

test("a repeat of what is handled is acknowledged again, of what is not it is not", () => {
  const { inbox, environment, acked } = create();
  inbox.message(wire("alice", 1));
  inbox.message(wire("alice", 1));
  environment.turn();
  assert.deepEqual(acked(), []);
  new HandlerConsumer(inbox, () => {}).ready();
  environment.turn();
  acked();
  inbox.message(wire("alice", 1));
  environment.turn();
  assert.deepEqual(acked(), ["alice 1"]);
});

test("a failed message comes again after a back-off, before the rest of its log; other logs go on", async () => {
  for (const isAsync of [false, true]) {
    const { inbox, handled, environment, acked, events } = create();
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
      const { inbox, handled, environment, acked } = create();
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
  const { inbox, handled, environment } = create();
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
  const { inbox, handled, emitter, environment, acked } = create();
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

test("gaps and live are told in their place among the messages", () => {
  const { inbox, handled, emitter, environment, acked } = create();
  emitter.on("gap", ({ log, epoch, from, to, reason }) => handled.push(`gap ${log} ${epoch} ${from}-${to} ${reason}`));
  emitter.on("live", () => handled.push("live"));
  const consumer = new HandlerConsumer(inbox, (message) => handled.push(message.body));
  inbox.message(wire("alice", 1));
  inbox.gap({ op: "gap", log: "alice", from: 2, to: 4, reason: "expired" });
  inbox.gap({ op: "gap", log: "alice", from: 2, to: 4, reason: "expired" });
  inbox.message(wire("alice", 5));
  inbox.live("s");
  inbox.gap({ op: "gap", log: "alice", from: 6, to: 7, reason: "lost" });
  consumer.ready();
  assert.deepEqual(handled, ["alice 1", "gap alice e 2-4 expired", "alice 5", "live", "gap alice e 6-7 lost"]);
  environment.turn();
  assert.deepEqual(acked(), ["alice 7"]);
});

test("live is told at once when nobody consumes messages", () => {
  const { inbox, names } = create();
  inbox.message(wire("alice", 1));
  inbox.live("s");
  assert.deepEqual(names(), ["live"]);
});

test("a reset to another epoch drops what waits of that log, names it, and lets the same seqs come again", () => {
  const { inbox, handled, emitter, environment, acked } = create();
  const resets: unknown[] = [];
  emitter.on("reset", ({ dropped, ...reset }) => resets.push({ ...reset, dropped: dropped.map(({ body }) => body) }));
  const stream = new MessageStream(inbox);
  for (let seq = 1; seq <= 3; seq++) inbox.message(wire("alice", seq));
  inbox.message(wire("#room", 1));
  void stream.next();
  inbox.reset(at("alice", 0, "restored"));
  assert.deepEqual(resets, [
    { ...at("alice", 0, "restored"), previous: { epoch: "e", seq: 0 }, dropped: ["alice 2", "alice 3"] },
  ]);
  inbox.reset(at("alice", 0, "restored"));
  assert.equal(resets.length, 1, "the same again is no news");
  void stream.return();
  new HandlerConsumer(inbox, (message) => handled.push(`${message.body} ${message.epoch}`)).ready();
  inbox.message(wire("alice", 1));
  assert.deepEqual(handled, ["alice 1 e", "#room 1 e", "alice 1 restored"]);
  environment.turn();
  assert.deepEqual(acked().sort(), ["#room 1", "alice 1"]);
});

test("a reset within the epoch keeps what cannot come again", () => {
  const { inbox, handled, emitter } = create();
  let dropped: readonly Message[] = [];
  emitter.on("reset", (reset) => {
    dropped = reset.dropped;
  });
  for (let seq = 1; seq <= 4; seq++) inbox.message(wire("alice", seq));
  inbox.reset(at("alice", 2));
  assert.deepEqual(
    dropped.map(({ seq }) => seq),
    [3, 4],
  );
  new HandlerConsumer(inbox, (message) => handled.push(message.body)).ready();
  inbox.message(wire("alice", 3));
  assert.deepEqual(handled, ["alice 1", "alice 2", "alice 3"]);
});

test("the position passes the device's own messages when nothing can lie in between", () => {
  const { inbox, cursors, environment, acked } = create();
  const own = (position: Position) => {
    if (inbox.isNext(position)) inbox.own(position);
  };
  own(at("alice", 1));
  assert.equal(cursors.get("alice")?.handled, 1);
  own(at("alice", 3));
  own(at("alice", 2, "other"));
  own(at("#unknown", 1));
  assert.equal(cursors.get("alice")?.received, 1);
  inbox.message(wire("alice", 2));
  own(at("alice", 3));
  assert.equal(cursors.get("alice")?.handled, 1, "2 is not handled");
  new HandlerConsumer(inbox, () => {}).ready();
  assert.equal(cursors.get("alice")?.handled, 3);
  environment.turn();
  assert.deepEqual(acked(), ["alice 3"]);
});

test("without autoAck nothing moves but by ack, and a gap right after what was acknowledged", () => {
  const { inbox, cursors, environment, acked } = create({ autoAck: false });
  const messages: Message[] = [];
  new HandlerConsumer(inbox, (message) => messages.push(message)).ready();
  for (let seq = 1; seq <= 3; seq++) inbox.message(wire("alice", seq));
  inbox.gap({ op: "gap", log: "alice", from: 4, to: 4, reason: "lost" });
  environment.turn();
  assert.deepEqual(acked(), []);
  messages[1]?.ack();
  environment.turn();
  assert.deepEqual(acked(), ["alice 2"]);
  messages[2]?.ack();
  inbox.gap({ op: "gap", log: "alice", from: 5, to: 9, reason: "lost" });
  assert.equal(cursors.get("alice")?.handled, 3);
  environment.turn();
  assert.deepEqual(acked(), ["alice 3"]);
});

test("an iterator acknowledges a message when the next one is asked for", async () => {
  const { inbox, environment, acked } = create();
  const stream = new MessageStream(inbox);
  inbox.message(wire("alice", 1));
  assert.equal((await stream.next()).value?.body, "alice 1");
  environment.turn();
  assert.deepEqual(acked(), []);
  const next = stream.next();
  environment.turn();
  assert.deepEqual(acked(), ["alice 1"]);
  inbox.message(wire("alice", 2));
  assert.equal((await next).value?.body, "alice 2");
});

test("leaving the loop gives the message in hand to the next consumer, unless it was acknowledged", async () => {
  const { inbox } = create();
  for (let seq = 1; seq <= 3; seq++) inbox.message(wire("alice", seq));
  for await (const message of new MessageStream(inbox)) if (message.seq === 2) break;
  for await (const message of new MessageStream(inbox)) {
    assert.equal(message.seq, 2);
    message.ack();
    break;
  }
  for await (const message of new MessageStream(inbox)) {
    assert.equal(message.seq, 3);
    break;
  }
});

test("there is one consumer at a time", () => {
  const { inbox } = create();
  const stream = new MessageStream(inbox);
  assert.throws(() => new HandlerConsumer(inbox, () => {}), /one consumer/);
  void stream.return();
  const handler = new HandlerConsumer(inbox, () => {});
  assert.throws(() => new MessageStream(inbox), /one consumer/);
  handler.detach();
  new MessageStream(inbox);
});

test("a new consumer waits for what the former one has in hand", async () => {
  for (const fails of [false, true]) {
    const { inbox, handled, environment, acked } = create();
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

test("closing ends iterators, with the fault if there was one, and hands out no more", async () => {
  for (const fault of [undefined, new Error("fault")]) {
    const { inbox, environment } = create();
    const stream = new MessageStream(inbox);
    const waiting = stream.next().then(
      ({ done }) => done,
      (error: unknown) => error,
    );
    inbox.close(fault);
    assert.equal(await waiting, fault ?? true);
    inbox.message(wire("alice", 1));
    assert.equal((await stream.next()).done, true);
    assert.deepEqual(environment.timers, []);
  }
});

test("closing stops the back-off of failing handlers", () => {
  const { inbox, environment } = create();
  new HandlerConsumer(inbox, () => {
    throw new Error("always");
  });
  inbox.message(wire("alice", 1));
  assert.equal(environment.timers.length, 1);
  inbox.close(undefined);
  assert.deepEqual(environment.timers, []);
});
