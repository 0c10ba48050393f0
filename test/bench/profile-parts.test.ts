/** A profile by parts: what counts for whom, and of which time. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { type Profile, partsOf } from "../../bench/profile-parts.ts";

const ours = (path: string) => `file:///somewhere/packages/server/src/${path}`;
const node = (id: number, functionName: string, url: string, ...children: number[]) => ({
  id,
  callFrame: { functionName, url },
  children,
});

const profile: Profile = {
  nodes: [
    node(1, "(root)", "", 2, 3, 4, 9),
    node(2, "(idle)", ""),
    node(3, "(garbage collector)", ""),
    node(4, "#commit", ours("engine/level/level-engine.ts"), 5, 6),
    node(5, "write", "node:buffer"),
    node(6, "offerNow", ours("core/hub.ts"), 7),
    node(7, "flush", ours("gateway/outbox.ts"), 8, 11),
    node(8, "handleWriteReq", "node:internal/stream_base_commons", 10),
    node(9, "later", "file:///somewhere/else.ts"),
    node(10, "writeBuffer", ""),
    node(11, "writeDirectly", ours("gateway/direct-writes.ts"), 12),
    node(12, "writeBuffer", ""),
  ],
  //         before the last second                    in it                                                     after it
  samples: [4, 4, 3, 5, 2, 7, 10, 12, 6, 2, 9],
  timeDeltas: [900_000, 100_000, 100_000, 200_000, 300_000, 100_000, 150_000, 100_000, 50_000, 500_000, 100_000],
};

it("counts a function for the part that it is in, or that called it, in the time asked for", () => {
  assert.deepEqual(partsOf(profile, 1), [
    { part: "write to sockets", us: 250_000 },
    { part: "append and commit", us: 200_000 },
    { part: "encode and put together", us: 100_000 },
    { part: "garbage collection", us: 100_000 },
    { part: "fan-out to sessions", us: 50_000 },
  ]);
});
