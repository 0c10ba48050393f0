import assert from "node:assert/strict";
import { test } from "node:test";
import { parseServerText } from "./wire.ts";

const message = { op: "message", log: "alice", seq: 1, id: "m", from: "bob", to: "alice", ts: 1, body: "hi" };

test("takes what the server sends", () => {
  for (const value of [message, { op: "live" }, { op: "pong", ts: 1 }, { op: "ok", ref: "1" }]) {
    assert.deepEqual(parseServerText(JSON.stringify(value)), value);
  }
});

test("ignores an op of a newer server, and names that every object has are no ops", () => {
  assert.equal(parseServerText('{"op":"hologram"}'), undefined);
  assert.equal(parseServerText('{"op":"constructor"}'), undefined);
  assert.equal(parseServerText('{"op":"__proto__"}'), undefined);
});

test("finds fault with what it could not act on", () => {
  const faults = [
    "",
    "nonsense",
    "null",
    "[]",
    "7",
    "{}",
    '{"op":7}',
    JSON.stringify({ ...message, seq: "1" }),
    JSON.stringify({ ...message, seq: 1.5 }),
    JSON.stringify({ ...message, log: undefined }),
    JSON.stringify({ ...message, body: { a: 1 } }),
    '{"op":"welcome","user":"a","device":"b"}',
    '{"op":"gap","log":"a","from":1,"to":"2"}',
    '{"op":"reset","log":"a","seq":1}',
    '{"op":"page","log":"a"}',
  ];
  for (const text of faults) assert.equal(parseServerText(text), "bad", text);
});
