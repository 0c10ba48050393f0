/** Headers of WebSocket text frames at the edges of their three lengths (RFC 6455, section 5.2). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeOne } from "./frames.ts";
import { webSocketText } from "./websocket-framing.ts";

function header(length: number): string {
  const buffer = Buffer.alloc(webSocketText.headerBytes(length), 0xee);
  webSocketText.writeHeader(buffer, 0, length);
  return buffer.toString("hex");
}

describe("a WebSocket text frame", () => {
  for (const [length, bytes] of [
    [0, "8100"],
    [1, "8101"],
    [125, "817d"],
    [126, "817e007e"],
    [127, "817e007f"],
    [65_535, "817effff"],
    [65_536, "817f0000000000010000"],
    [2 ** 31, "817f0000000080000000"],
    [2 ** 32 - 1, "817f00000000ffffffff"],
    [2 ** 32, "817f0000000100000000"],
    [2 ** 53 - 1, "817f001fffffffffffff"],
  ] as const) {
    it(`of ${length} bytes begins with ${bytes}`, () => assert.equal(header(length), bytes));
  }

  it("counts bytes, not characters, and stands where it is put", () => {
    assert.equal(encodeOne("é".repeat(63), webSocketText).toString("hex", 0, 6), "817e007ec3a9");
    const buffer = Buffer.alloc(5, 0xee);
    webSocketText.writeHeader(buffer, 2, 3);
    assert.equal(buffer.toString("hex"), "eeee8103ee");
  });
});
