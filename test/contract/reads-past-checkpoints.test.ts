/**
 * Reads of the level engine that are under way while checkpoints move what they read and its memory is used again: every
 * entry is what was written.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { log, message } from "./appends.ts";
import { openLevel } from "./store-files.ts";

/** What is read before what is in memory: it takes longer than a checkpoint. */
const older = 1500;
const rounds = 60;
const perRound = 8;
/** A slab of the engine's memory is full after some of these. */
const filler = "x".repeat(20_000);

it("reads what was written while checkpoints move it", async (t) => {
  const engine = await openLevel(temporaryDirectory(t), { checkpointBytes: 64 * 1024 });
  let wrong = "";
  const reads: Promise<void>[] = [];
  const readFrom = async (from: number) => {
    const entries = await engine.read(log("#room"), from, "forward", 10_000, 100_000_000);
    for (const [i, { seq, payload }] of entries.entries())
      if (seq !== from + 1 + i || payload !== JSON.stringify({ body: `${seq} ${filler}` }))
        wrong ||= `${payload.slice(0, 30)} instead of ${from + 1 + i}`;
  };
  let seq = 0;
  const write = (count: number) => {
    const messages = Array.from({ length: count }, () => message(["#room"], `${++seq} ${filler}`));
    for (const one of messages) engine.append(one);
    return Promise.all(messages.map(({ outcome }) => outcome));
  };
  await write(older);
  for (let round = 0; round < rounds; round++) {
    const written = write(perRound);
    // Long enough that what is in memory at their beginning is not at their end.
    if (round % 4 === 0) reads.push(readFrom(0));
    await written;
  }
  await Promise.all(reads);
  await engine.close();
  assert.equal(wrong, "");
});
