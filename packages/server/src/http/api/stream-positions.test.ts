/** Ids of events: what they say comes back, of whatever names; what nobody reads is left out, and what is too long. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type LogName, ok } from "@parley/protocol";
import { maxIdLength, parseStreamId, StreamPositions } from "./stream-positions.ts";

const everything = { has: () => true };

describe("an event's id", () => {
  it("says where the stream is in each log, and is read again", () => {
    const positions = new StreamPositions();
    for (const log of ["alice", "#новости", "#a.b_c-d", "*"]) positions.set(log, "epoch1", 7);
    positions.passed("#новости", 12);
    positions.passed("never set", 3);
    const id = positions.id(everything) ?? "";
    assert.match(id, /^[!-~]+$/);
    const at = (log: string, seq: number) => ({ log: log as LogName, epoch: "epoch1", seq });
    assert.deepEqual(parseStreamId(id), ok([at("alice", 7), at("#новости", 12), at("#a.b_c-d", 7), at("*", 7)]));
    assert.deepEqual(parseStreamId(""), ok([]));
  });

  it("leaves out what is not read any more", () => {
    const positions = new StreamPositions();
    positions.set("alice", "e", 1);
    positions.set("#left", "e", 1);
    assert.equal(positions.id({ has: (log) => log !== "#left" }), "alice:e:1");
    assert.equal(positions.id(everything), "alice:e:1");
  });

  it("is not longer than a header may be", () => {
    const positions = new StreamPositions();
    for (let n = 0; positions.id(everything) !== undefined; n++) positions.set(`#room-${n}`, "12345678", n);
    assert.equal(positions.id(everything), undefined);
    positions.id({ has: (log) => log.endsWith("1") });
    assert.ok((positions.id(everything) ?? "").length < maxIdLength);
  });
});
