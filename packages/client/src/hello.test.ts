import assert from "node:assert/strict";
import { test } from "node:test";
import { helloText } from "./hello.ts";

const fields = { user: "alice", token: undefined, device: "phone", window: undefined };

test("says who and from where", () => {
  const positions = [{ log: "alice", epoch: "e", seq: 7 }];
  assert.deepEqual(JSON.parse(helloText(fields, positions)), {
    op: "hello",
    user: "alice",
    device: "phone",
    positions,
  });
});

test("stays within what a server takes before hello, with as many positions as fit", () => {
  const positions = Array.from({ length: 2000 }, (_, n) => ({ log: `#räum-${n}`, epoch: "0123456789abcdef", seq: n }));
  for (const token of [undefined, "t".repeat(8192)]) {
    const text = helloText({ ...fields, token }, positions);
    const bytes = Buffer.byteLength(text);
    assert.ok(bytes <= 64 * 1024, `${bytes}`);
    assert.ok(bytes > 63 * 1024, `${bytes}`);
    assert.deepEqual(JSON.parse(text).positions[0], positions[0]);
  }
});
