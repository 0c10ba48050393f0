/** One peer's requests: in order, whatever has to be waited for, and no reading meanwhile. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { TaskQueue } from "./task-queue.ts";

function open() {
  const events: string[] = [];
  const source = { pause: () => events.push("pause"), resume: () => events.push("resume") };
  const queue = new TaskQueue(source, { failed: (error) => events.push(String(error)) });
  const at = (name: string) => () => {
    events.push(name);
    return undefined;
  };
  return { events, queue, at };
}

function note(events: string[], name: string): undefined {
  events.push(name);
}

describe("a task queue", () => {
  it("does at once what need not wait, and never pauses for it", () => {
    const { events, queue, at } = open();
    queue.run(at("1"));
    queue.runWith(note, events, "2");
    queue.run(at("3"));
    assert.deepEqual(events, ["1", "2", "3"]);
  });

  it("holds back what comes while something is waited for, in order, and does not read meanwhile", async () => {
    const { events, queue, at } = open();
    const first = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    queue.run(() => first.promise);
    queue.run(at("a"));
    queue.run(() => second.promise);
    queue.runWith(note, events, "b");
    assert.deepEqual(events.splice(0), ["pause"]);
    first.resolve();
    await setImmediate();
    assert.deepEqual(events.splice(0), ["resume", "a", "pause"]);
    queue.run(at("c"));
    second.resolve();
    await setImmediate();
    assert.deepEqual(events, ["resume", "b", "c"]);
  });

  it("goes on after a task that throws or rejects, and says so", async () => {
    const { events, queue, at } = open();
    queue.run(() => {
      throw new Error("thrown");
    });
    queue.runWith(() => assert.fail("thrown too"), undefined, undefined);
    queue.run(() => Promise.reject(new Error("rejected")));
    queue.run(at("next"));
    await setImmediate();
    assert.deepEqual(events, [
      "Error: thrown",
      "AssertionError [ERR_ASSERTION]: thrown too",
      "pause",
      "Error: rejected",
      "resume",
      "next",
    ]);
  });
});
