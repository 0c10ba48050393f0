/** What arrives, in order and once: repeats, gaps, resets, what is acknowledged, and whose turn it is to consume. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Position } from "@parley/protocol";
import { at, testInbox, wire } from "../testing/parts.ts";
import type { Message } from "./message.ts";
import { HandlerConsumer } from "./message-handler.ts";
import { MessageStream } from "./message-stream.ts";

test("hands messages out in the order of arrival, repeats not, and acknowledges after the handler", () => {
  const { inbox, handled, environment, acked } = testInbox();
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

test("a repeat of what is handled is acknowledged again, of what is not it is not", () => {
  const { inbox, environment, acked } = testInbox();
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

test("gaps and live are told in their place among the messages", () => {
  const { inbox, handled, emitter, environment, acked } = testInbox();
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
  const { inbox, names } = testInbox();
  inbox.message(wire("alice", 1));
  inbox.live("s");
  assert.deepEqual(names(), ["live"]);
});

test("a reset to another epoch drops what waits of that log, names it, and lets the same seqs come again", () => {
  const { inbox, handled, emitter, environment, acked } = testInbox();
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
  const { inbox, handled, emitter } = testInbox();
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
  const { inbox, cursors, environment, acked } = testInbox();
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
  const { inbox, cursors, environment, acked } = testInbox({ autoAck: false });
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

test("there is one consumer at a time", () => {
  const { inbox } = testInbox();
  const stream = new MessageStream(inbox);
  assert.throws(() => new HandlerConsumer(inbox, () => {}), /one consumer/);
  void stream.return();
  const handler = new HandlerConsumer(inbox, () => {});
  assert.throws(() => new MessageStream(inbox), /one consumer/);
  handler.detach();
  new MessageStream(inbox);
});
