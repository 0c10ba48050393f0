/** Frames put together in shared memory against the same in memory of their own. */
import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { encodeFrames, encodeOne, FrameMemory } from "./frames.ts";
import { lengthPrefix } from "./length-prefix.ts";
import { webSocketText } from "./websocket-framing.ts";

/** Around where headers grow, in characters of one and of several bytes. */
const sizes = [0, 1, 41, 42, 62, 63, 125, 126, 127, 4000].map((length) =>
  fc.constantFrom("a", "é", "漢").map((one) => one.repeat(length)),
);
const text = fc.oneof(fc.string({ unit: "binary" }), ...sizes);

it("are the same, whatever is in them, or are left to the other way where they may not fit", () => {
  const memory = new FrameMemory();
  const frame = fc.oneof(
    text,
    text.map((one) => encodeOne(one, lengthPrefix)),
  );
  fc.assert(
    fc.property(
      fc.array(frame, { minLength: 1, maxLength: 8 }),
      fc.constantFrom(webSocketText, lengthPrefix),
      (frames, framing) => {
        const size = frames.reduce((sum, one) => sum + one.length + 16, 0);
        const encoded = memory.encode(frames, size, framing);
        if (encoded) assert.deepEqual(encoded, Buffer.concat(encodeFrames(frames, framing)));
        else assert.ok(size > 5000);
      },
    ),
  );
});

it("stay as they are when they are left behind", () => {
  const memory = new FrameMemory();
  const first = memory.encode(["first"], 21, lengthPrefix);
  memory.leave();
  memory.encode(["later"], 21, lengthPrefix);
  assert.deepEqual(first, encodeOne("first", lengthPrefix));
});
