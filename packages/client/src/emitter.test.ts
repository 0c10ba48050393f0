import assert from "node:assert/strict";
import { test } from "node:test";
import { settle } from "../testing/wait.ts";
import { Emitter } from "./emitter.ts";

interface Events {
  number: number;
  text: string;
}

function create() {
  const failures: unknown[] = [];
  const unheard: unknown[] = [];
  const emitter = new Emitter<Events>({
    failed: (error, event) => failures.push([event, (error as Error).message]),
    unheard: (name, event) => unheard.push([name, event]),
  });
  return { emitter, failures, unheard };
}

test("calls listeners in order, until they unsubscribe", () => {
  const { emitter, unheard } = create();
  const heard: string[] = [];
  const off = emitter.on("number", (n) => heard.push(`a${n}`));
  emitter.on("number", (n) => heard.push(`b${n}`));
  emitter.emit("number", 1);
  off();
  off();
  emitter.emit("number", 2);
  assert.deepEqual(heard, ["a1", "b1", "b2"]);
  emitter.emit("text", "nobody");
  assert.deepEqual(unheard, [["text", "nobody"]]);
});

test("a listener that unsubscribes or subscribes during an event changes the next event only", () => {
  const { emitter } = create();
  const heard: string[] = [];
  const off = emitter.on("number", () => {
    heard.push("first");
    off();
    emitter.on("number", () => heard.push("late"));
  });
  emitter.on("number", () => heard.push("second"));
  emitter.emit("number", 1);
  emitter.emit("number", 2);
  assert.deepEqual(heard, ["first", "second", "second", "late"]);
});

test("a failing listener is reported and disturbs no other, thrown or rejected", async () => {
  const { emitter, failures } = create();
  const heard: number[] = [];
  emitter.on("number", () => {
    throw new Error("thrown");
  });
  emitter.on("number", async () => {
    throw new Error("rejected");
  });
  emitter.on("number", (n) => heard.push(n));
  emitter.emit("number", 7);
  await settle();
  assert.deepEqual(heard, [7]);
  assert.deepEqual(failures, [
    ["number", "thrown"],
    ["number", "rejected"],
  ]);
});
