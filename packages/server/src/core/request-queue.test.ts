/** The connection is paused and resumed in pairs, whatever the order of requests and answers. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { RequestQueue } from "./request-queue.ts";

const limit = 1024;

it("pauses once above the limit, though requests that were read before still come, and resumes once", () => {
  const told: string[] = [];
  const connection = { pause: () => told.push("pause"), resume: () => told.push("resume") };
  const failed = (error: unknown) => assert.fail(String(error));
  const queue = new RequestQueue({ connection, isFull: false, failed });
  const take = (count: number) => Array.from({ length: count }, () => queue.taken());
  const answer = (count: number) => Array.from({ length: count }, () => queue.answered());
  take(limit);
  answer(100);
  take(200);
  answer(100);
  take(100);
  assert.deepEqual(told, ["pause"]);
  answer(limit + 100);
  assert.deepEqual(told, ["pause", "resume"]);
  take(limit);
  assert.deepEqual(told, ["pause", "resume", "pause"]);
});
