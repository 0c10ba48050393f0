/** What a connection has been given under several names: one stretch of a log, and nothing that it was not given. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LogName } from "@parley/protocol";
import { Entry } from "../../engine/entry.ts";
import { Seen } from "./seen.ts";

const log = "#lobby" as LogName;

function seqsIn(seen: Seen, epoch = "e1"): number[] {
  return Array.from({ length: 30 }, (_, seq) => seq).filter((seq) => seen.has(new Entry(log, epoch, seq, "", "", 0)));
}

function read(start: number, sent: number, epoch = "e1") {
  return [{ topic: { log, epoch }, start, sent }];
}

describe("what was seen", () => {
  it("begins after the start, and grows to both sides where sessions touch", () => {
    const seen = new Seen();
    assert.deepEqual(seqsIn(seen), []);
    seen.add(read(10, 12));
    assert.deepEqual(seqsIn(seen), [11, 12]);
    seen.add(read(12, 13));
    seen.add(read(8, 9));
    assert.deepEqual(seqsIn(seen), [9], "the stretch that does not touch replaces");
    seen.add(read(7, 14));
    assert.deepEqual(seqsIn(seen), [8, 9, 10, 11, 12, 13, 14]);
    seen.add(read(9, 10));
    assert.deepEqual(seqsIn(seen), [8, 9, 10, 11, 12, 13, 14]);
  });

  it("is of one epoch", () => {
    const seen = new Seen();
    seen.add(read(0, 3));
    assert.deepEqual(seqsIn(seen, "e2"), []);
    seen.add(read(1, 2, "e2"));
    assert.deepEqual([seqsIn(seen), seqsIn(seen, "e2")], [[], [2]]);
  });
});
