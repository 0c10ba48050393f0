/** Beginnings of memory: of the length that was asked for, and the same memory. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { Beginnings } from "./beginnings.ts";

it("are as long as asked for, kept or not, and show what the memory holds by now", () => {
  const memory = Buffer.alloc(5000);
  const beginnings = new Beginnings(memory);
  for (const byte of [0x61, 0x62]) {
    memory.fill(byte);
    for (const length of [0, 1, 2047, 2048, 2049, 5000])
      assert.ok(beginnings.of(length).equals(Buffer.alloc(length, byte)), `${length}`);
  }
  assert.equal(beginnings.of(7), beginnings.of(7));
});
