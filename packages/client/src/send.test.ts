import assert from "node:assert/strict";
import { test } from "node:test";
import { parseClientMessage } from "@parley/protocol/validate";
import { ParleyError } from "./errors.ts";
import { createSend } from "./send.ts";

test("makes a send that the protocol's validator takes", () => {
  const everything = {
    contentType: "a/b",
    type: "t",
    ttl: 5,
    durability: "memory",
    copy: false,
    receipt: true,
  } as const;
  for (const send of [
    createSend("bob", "hi", "c-1", {}),
    createSend(["bob", "#room"], "hi", "c-1", everything),
    createSend("*", new Uint8Array([1, 2, 255]), "c-1", {}),
  ]) {
    const parsed = parseClientMessage(JSON.stringify({ op: "send", ref: "1", ...send }));
    assert.ok(parsed.ok, JSON.stringify(parsed));
  }
});

test("carries bytes as base64, under the content type that was named", () => {
  const bytes = new Uint8Array([0, 255]);
  const plain = createSend("bob", bytes, "c", {});
  assert.equal(plain.encoding, "base64");
  assert.equal(plain.body, "AP8=");
  assert.equal(plain.contentType, "application/octet-stream");
  assert.equal(createSend("bob", bytes, "c", { contentType: "image/png" }).contentType, "image/png");
});

test("the clientId it was given wins over an undefined one in the options", () => {
  assert.equal(createSend("bob", "hi", "c", { clientId: undefined as never }).clientId, "c");
});

test("refuses what the server would refuse without naming the send", () => {
  const attempts: (() => unknown)[] = [
    () => createSend("", "hi", "c", {}),
    () => createSend([], "hi", "c", {}),
    () =>
      createSend(
        Array.from({ length: 101 }, () => "bob"),
        "hi",
        "c",
        {},
      ),
    () => createSend("x".repeat(257), "hi", "c", {}),
    () => createSend(undefined as never, "hi", "c", {}),
    () => createSend("bob", "hi", "with space", {}),
    () => createSend("bob", "hi", "", {}),
    () => createSend("bob", undefined as never, "c", {}),
    () => createSend("bob", "half a \ud83d pair", "c", {}),
    () => createSend("bob", "hi", "c", { ttl: 0 }),
    () => createSend("bob", "hi", "c", { ttl: 1.5 }),
    () => createSend("bob", "hi", "c", { ttl: 1e12 }),
    () => createSend("bob", "hi", "c", { type: "" }),
    () => createSend("bob", "hi", "c", { contentType: "x".repeat(129) }),
  ];
  attempts.forEach((attempt, index) => {
    assert.throws(attempt, (error) => error instanceof ParleyError && error.code === "bad_argument", `${index}`);
  });
});
