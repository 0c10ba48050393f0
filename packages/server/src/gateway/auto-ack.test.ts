/** Acknowledging by writes: not before the bytes have left, up to what was in them, in their order. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LogName } from "@parley/protocol";
import { Entry } from "../engine/entry.ts";
import { AutoAck } from "./auto-ack.ts";

const entry = (log: string, seq: number) => new Entry(log as LogName, "e1", seq, "{}", "", 0);

function open() {
  const acknowledged: string[] = [];
  const acknowledge = (who: string, log: string, seq: number) => {
    assert.equal(who, "session");
    acknowledged.push(`${log} ${seq}`);
  };
  return { acknowledged, acks: new AutoAck({ acknowledge }, "session") };
}

describe("acknowledging by writes", () => {
  it("tells the furthest seq of each log, once its write has left and not before", () => {
    const { acknowledged, acks } = open();
    acks.queued("bob" as LogName, 1);
    acks.queued("bob" as LogName, 2);
    acks.queued("*" as LogName, 7);
    acks.writing();
    acks.queued("bob" as LogName, 3);
    acks.writing();
    assert.deepEqual(acknowledged, []);
    acks.written();
    assert.deepEqual(acknowledged.splice(0), ["bob 2", "* 7"]);
    acks.written();
    assert.deepEqual(acknowledged, ["bob 3"]);
  });

  it("counts what is skipped as received when what came before it has left", async () => {
    const { acknowledged, acks } = open();
    acks.skipped(entry("bob", 1));
    assert.deepEqual(acknowledged, [], "not while it is being delivered");
    await Promise.resolve();
    assert.deepEqual(acknowledged.splice(0), ["bob 1"]);
    acks.queued("bob" as LogName, 2);
    acks.skipped(entry("bob", 3));
    await Promise.resolve();
    acks.writing();
    acks.skipped(entry("bob", 4));
    await Promise.resolve();
    assert.deepEqual(acknowledged, []);
    acks.written();
    assert.deepEqual(acknowledged, ["bob 4"]);
  });
});
