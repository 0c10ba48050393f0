/** Masks come off whatever the place, the length and the bytes are; what stands beside the payload stays as it is. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { rotated, unmask } from "./websocket-masking.ts";

const mask = Buffer.of(0x37, 0xfa, 0x21, 0x8d);
const maskWord = mask.readInt32LE();
const memory = new ArrayBuffer(128);

function masked(bytes: Buffer): Buffer {
  return Buffer.from(bytes.map((byte, i) => byte ^ (mask[i % 4] as number)));
}

for (const [what, high] of [
  ["ASCII", undefined],
  ["not ASCII at the beginning", 0],
  ["not ASCII at the end", -1],
] as const)
  it(`unmasks at every alignment and length: ${what}`, () => {
    for (let offset = 0; offset < 8; offset++)
      for (let start = 0; start < 8; start++)
        for (let length = 0; length < 40; length++) {
          const plain = Buffer.from(Array.from({ length }, (_, i) => (i * 7 + offset) & 0x7f));
          if (high !== undefined && length > 0) plain[high === 0 ? 0 : length - 1] = 0xc3;
          const around = new Uint8Array(memory).fill(0xee);
          const bytes = Buffer.from(memory, offset, start + length + 3);
          masked(plain).copy(bytes, start);
          const isAscii = unmask(bytes, start, start + length, maskWord);
          const place = `offset ${offset}, start ${start}, length ${length}`;
          assert.deepEqual(bytes.subarray(start, start + length), plain, place);
          assert.equal(isAscii, high === undefined || length === 0, place);
          assert.ok(
            around.every((byte, i) => byte === 0xee || (i >= offset + start && i < offset + start + length)),
            place,
          );
        }
  });

it("goes on where it was cut", () => {
  const plain = Buffer.from("a text that is cut at every byte");
  for (let at = 0; at <= plain.length; at++) {
    const bytes = masked(plain);
    unmask(bytes, 0, at, maskWord);
    unmask(bytes, at, bytes.length, rotated(maskWord, at));
    assert.deepEqual(bytes, plain);
  }
});
