/** Messages taken by a loop: acknowledged when the next one is asked for, given back when it is left. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { testInbox, wire } from "../testing/parts.ts";
import { MessageStream } from "./message-stream.ts";

test("an iterator acknowledges a message when the next one is asked for", async () => {
  const { inbox, environment, acked } = testInbox();
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
  const { inbox } = testInbox();
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

test("closing ends iterators, with the fault if there was one, and hands out no more", async () => {
  for (const fault of [undefined, new Error("fault")]) {
    const { inbox, environment } = testInbox();
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
