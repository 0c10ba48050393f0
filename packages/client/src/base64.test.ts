import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeBase64, encodeBase64 } from "./base64.ts";

test("gives every byte back, and encodes as Node does", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const text = encodeBase64(bytes);
      assert.equal(text, Buffer.from(bytes).toString("base64"));
      assert.deepEqual(decodeBase64(text), bytes);
    }),
  );
});

test("takes long bodies", () => {
  const bytes = Uint8Array.from({ length: 1_000_000 }, (_, index) => index % 251);
  assert.deepEqual(decodeBase64(encodeBase64(bytes)), bytes);
});

test("refuses what is not base64", () => {
  assert.throws(() => decodeBase64("no base64 !"));
});
