/**
 * Property-based: whatever is done to the level engine, in whatever order, with checkpoints in between, after closing
 * and after a crash, it answers as the reference does. Logs, dedupe and cursors against a model (fast-check shrinks).
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";
import type { UserKey } from "@parley/protocol";
import fc from "fast-check";
import type { Engine, RecordWrite } from "../../packages/server/src/engine/engine.ts";
import { LevelEngine } from "../../packages/server/src/engine/level/level-engine.ts";
import { MemoryEngine } from "../../packages/server/src/engine/memory.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { log, message } from "./appends.ts";
import { copyStore } from "./store-files.ts";

const names = ["alice", "bob", "#room", "*"];
const name = fc.constantFrom(...names);

type Step =
  | {
      readonly do: "append";
      readonly batch: readonly { logs: string[]; body: string; key: string | undefined; wide: boolean }[];
    }
  | {
      readonly do: "read";
      readonly log: string;
      readonly from: number;
      readonly direction: "forward" | "backward";
      readonly limit: number;
      readonly maxBytes: number;
    }
  | { readonly do: "trim"; readonly log: string; readonly first: number }
  | { readonly do: "cursor"; readonly log: string; readonly seq: number; readonly forget: boolean }
  | { readonly do: "reopen" | "crash" };

const oneAppend = fc.record({
  logs: fc.uniqueArray(name, { minLength: 1, maxLength: 3 }),
  body: fc.string({ maxLength: 12 }),
  key: fc.option(fc.constantFrom("alice 1", "alice 2", "alice 3", "bob 1", "bob é"), { nil: undefined }),
  wide: fc.boolean(),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      batch: fc.array(oneAppend, { minLength: 1, maxLength: 90 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("read" as const),
      log: name,
      from: fc.nat(150),
      direction: fc.constantFrom("forward" as const, "backward" as const),
      limit: fc.integer({ min: 1, max: 200 }),
      maxBytes: fc.constantFrom(1, 300, 1_000_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("trim" as const), log: name, first: fc.nat(120) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("cursor" as const), log: name, seq: fc.nat(100), forget: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("reopen" as const, "crash" as const) }) },
);

const wideBody = "w".repeat(2000);

function cursor(logName: string, seq: number): Extract<RecordWrite, { kind: "cursor" }> {
  return {
    kind: "cursor",
    key: `alice  ${logName}`,
    value: { user: "alice" as UserKey, device: "", log: log(logName), epoch: "e", seq },
  };
}

/** Does one step and tells everything observable about it. */
async function perform(engine: Engine, step: Step): Promise<unknown> {
  switch (step.do) {
    case "append": {
      const appends = step.batch.map(({ logs, body, key, wide }, i) =>
        message(logs, wide ? body + wideBody : body, { id: `id-${i}`, ts: i, dedupeKey: key, digest: body }),
      );
      for (const one of appends) engine.append(one);
      const outcomes = await Promise.all(appends.map(({ outcome }) => outcome));
      return outcomes.map((o) =>
        o.ok ? [o.id, o.ts, o.duplicate, o.positions.map(({ log: l, seq }) => [l, seq])] : o.fault.code,
      );
    }
    case "read": {
      const entries = await engine.read(log(step.log), step.from, step.direction, step.limit, step.maxBytes);
      return entries.map(({ seq, payload }) => [seq, payload]);
    }
    case "trim":
      return engine.trim(log(step.log), step.first);
    case "cursor":
      if (step.forget) await engine.write([{ ...cursor(step.log, 0), value: undefined }]);
      else engine.commitCursor(cursor(step.log, step.seq));
      return undefined;
    default:
      return undefined;
  }
}

/** Everything that can be asked of an engine about its state. */
async function observe(engine: Engine): Promise<unknown> {
  const listed = await engine.logs("", 100);
  const state: unknown[] = [await engine.scan("cursor", "")];
  for (const each of names) {
    const { first, tail, bytes } = await engine.head(log(each));
    const entries = await engine.read(log(each), 0, "forward", 10_000, 100_000_000);
    assert.ok(entries.length === 0 || listed.includes(log(each)), `${each} holds entries and is not listed`);
    state.push([each, first, tail, bytes, entries.map(({ seq, payload }) => [seq, payload])]);
  }
  return state;
}

it("answers as the reference, over checkpoints, reopening and crashes", { timeout: 120_000 }, async (t) => {
  const root = temporaryDirectory(t);
  let stores = 0;
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 3, maxLength: 24, size: "max" }),
    fc.constantFrom(1, 3000, 1_000_000),
    async (steps, checkpointBytes) => {
      const newEpoch = () => "epoch";
      let directory = join(root, String(++stores));
      const open = () => LevelEngine.open({ directory, newEpoch, checkpointBytes, volumeBytes: 4000 });
      let level: Engine = await open();
      const reference = new MemoryEngine(newEpoch);
      for (const one of steps) {
        if (one.do === "reopen") {
          await level.close();
          level = await open();
        } else if (one.do === "crash") {
          // The files as they are now are what a killed process leaves behind. Cursors may be lost: both lose them.
          const crashed = directory;
          directory = join(root, String(++stores));
          await level.write([]);
          for (const each of names)
            for (const engine of [level, reference]) await engine.write([{ ...cursor(each, 0), value: undefined }]);
          copyStore(crashed, directory);
          await level.close();
          level = await open();
        } else assert.deepEqual(await perform(level, one), await perform(reference, one), one.do);
        assert.deepEqual(await observe(level), await observe(reference));
      }
      await level.close();
    },
  );
  await fc.assert(property, { numRuns: 150, seed: process.env.TEST_SEED ? Number(process.env.TEST_SEED) : undefined });
});
