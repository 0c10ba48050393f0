/** The lines of `device-text`: what is read of each, and what a number is. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeInfo, parseDeviceLine, parseNumber } from "./codec.ts";

describe("a line", () => {
  const lines: readonly [string, ReturnType<typeof parseDeviceLine>][] = [
    ["help", "help"],
    ["send,1,hello", { verb: "send", to: "1", text: "hello" }],
    ["send,1, a, b,,c ", { verb: "send", to: "1", text: " a, b,,c " }],
    [" send , 1 ,x", { verb: "send", to: "1", text: "x" }],
    ["send,1,", { verb: "send", to: "1", text: "" }],
    ["send,1,two\nlines", { verb: "send", to: "1", text: "two\nlines" }],
    [",,", { verb: "", to: "", text: "" }],
    ["", undefined],
    ["send", undefined],
    ["send,1", undefined],
    [" help", undefined],
    ["HELP", undefined],
  ];
  for (const [line, read] of lines) {
    it(`${JSON.stringify(line)} is ${JSON.stringify(read)}`, () => assert.deepEqual(parseDeviceLine(line), read));
  }
});

describe("a number", () => {
  const numbers: readonly [string, string | undefined][] = [
    ["100000000", "100000000"],
    ["+100000000", "100000000"],
    ["000100000000", "100000000"],
    ["0", "0"],
    ["000", "0"],
    ["-7", "-7"],
    ["9".repeat(400), "9".repeat(400)],
    ["", undefined],
    ["-", undefined],
    ["1.0", undefined],
    ["1e8", undefined],
    ["0x10", undefined],
    ["alice", undefined],
    ["1 2", undefined],
  ];
  for (const [text, value] of numbers) {
    it(`${JSON.stringify(text).slice(0, 20)} is ${value?.slice(0, 20)}`, () => assert.equal(parseNumber(text), value));
  }

  it("is read in no time, however long", () => {
    const began = performance.now();
    parseNumber(`${"0".repeat(4_000_000)}x`);
    parseNumber("9".repeat(4_000_000));
    assert.ok(performance.now() - began < 500);
  });
});

it("the greeting is that of the original, to the byte", () => {
  const lines = [
    "Your ID: 100000000",
    "Connected Devices: ",
    "[100000000, 100000001]",
    "Chat usage: send,destinationId,msg",
  ];
  assert.equal(encodeInfo("100000000", ["100000000", "100000001"]), lines.join("\n"));
});
