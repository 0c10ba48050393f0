/** What counts as a repeat: the last message that was taken, for five seconds. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { SentMessages } from "./sent-messages.ts";

const taken = (sent: SentMessages, text: string, now: number) => {
  const ref = sent.add(text, now);
  if (ref !== undefined) sent.taken(ref);
  return ref !== undefined;
};

it("the same text is a repeat until five seconds after it was sent, and a repeat does not make it younger", () => {
  const sent = new SentMessages();
  assert.ok(taken(sent, "hello", 1_000));
  for (const now of [1_000, 3_000, 5_999]) assert.equal(taken(sent, "hello", now), false);
  assert.ok(taken(sent, "hello", 6_000));
});

it("another text in between makes it new", () => {
  const sent = new SentMessages();
  for (const text of ["a", "b", "a"]) assert.ok(taken(sent, text, 0));
  assert.equal(taken(sent, "a", 0), false);
});

it("a message on its way counts, one that was refused does not, and the one before it does again", () => {
  const sent = new SentMessages();
  const a = sent.add("a", 0);
  assert.equal(sent.add("a", 0), undefined);
  const b = sent.add("b", 0);
  assert.ok(a !== undefined && b !== undefined && a !== b);
  sent.taken(a);
  sent.refused(b);
  assert.equal(sent.add("a", 0), undefined);
  assert.ok(sent.add("b", 0));
});

it("a clock that was set back makes nothing a repeat", () => {
  const sent = new SentMessages();
  assert.ok(taken(sent, "a", 1_000_000));
  assert.ok(taken(sent, "a", 900_000));
});
