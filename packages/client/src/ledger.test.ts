import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualEnvironment } from "../testing/manual-environment.ts";
import { moved, queued } from "../testing/persistence-contract.ts";
import { settle } from "../testing/wait.ts";
import { Backoff } from "./backoff.ts";
import { Ledger } from "./ledger.ts";
import { type Change, memoryPersistence, type Persistence } from "./persistence.ts";

const settled = (clientId: string): Change => ({ type: "settled", clientId });

/** A ledger over a persistence whose saves the test finishes by hand. */
function create() {
  const environment = new ManualEnvironment();
  const memory = memoryPersistence();
  const saves: { changes: readonly Change[]; finish: (error?: Error) => Promise<void> }[] = [];
  const persistence: Persistence = {
    ...memory,
    save: (changes) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const copy = [...changes];
      const finish = async (error?: Error) => {
        if (error) reject(error);
        else resolve(await memory.save(copy));
        await promise.catch(() => {});
        await settle();
      };
      saves.push({ changes: copy, finish });
      return promise;
    },
  };
  const failures: unknown[] = [];
  const backoff = new Backoff({ baseMs: 100, capMs: 1000 }, environment);
  const ledger = new Ledger({ persistence, environment, backoff, failed: (error) => failures.push(error) });
  return { environment, memory, saves, failures, ledger };
}

test("saves nothing before it has loaded, and then what was written meanwhile", async () => {
  const { environment, saves, ledger } = create();
  ledger.write(queued("1"));
  environment.turn();
  assert.equal(saves.length, 0);
  await ledger.load();
  environment.turn();
  assert.deepEqual(saves[0]?.changes, [queued("1")]);
});

test("collects what is written in a turn and during a save; of one subject only the newest", async () => {
  const { environment, saves, ledger } = create();
  await ledger.load();
  ledger.write(moved("a", 1));
  ledger.write(moved("b", 1));
  ledger.write(moved("a", 2));
  environment.turn();
  ledger.write(moved("a", 3));
  ledger.write(queued("x"));
  ledger.write(moved("a", 4));
  ledger.write(settled("x"));
  environment.turn();
  assert.equal(saves.length, 1);
  assert.deepEqual(saves[0]?.changes, [moved("a", 2), moved("b", 1)]);
  await saves[0]?.finish();
  environment.turn();
  assert.deepEqual(saves[1]?.changes, [moved("a", 4), settled("x")]);
});

test("calls back after the save that holds what was written before, not earlier", async () => {
  const { environment, saves, ledger } = create();
  await ledger.load();
  const calls: string[] = [];
  ledger.write(moved("a", 1));
  ledger.afterSave(() => calls.push("first"));
  environment.turn();
  ledger.write(moved("a", 2));
  ledger.afterSave(() => calls.push("second"));
  await saves[0]?.finish();
  assert.deepEqual(calls, ["first"]);
  environment.turn();
  await saves[1]?.finish();
  assert.deepEqual(calls, ["first", "second"]);
});

test("a failed save is told and tried again, with everything since, in order", async () => {
  const { environment, memory, saves, failures, ledger } = create();
  await ledger.load();
  const calls: string[] = [];
  ledger.write(queued("1"));
  ledger.afterSave(() => calls.push("saved"));
  environment.turn();
  await saves[0]?.finish(new Error("disk full"));
  assert.deepEqual(failures, [new Error("disk full")]);
  ledger.write(settled("1"));
  ledger.write(queued("2"));
  environment.turn();
  assert.equal(saves.length, 1);
  assert.deepEqual(calls, []);
  environment.advance(100);
  await saves[1]?.finish();
  assert.deepEqual(saves[1]?.changes, [queued("1"), settled("1"), queued("2")]);
  assert.deepEqual(calls, ["saved"]);
  assert.deepEqual((await memory.load()).outbox, [{ clientId: "2", to: "bob", body: "body of 2" }]);
});

test("without a persistence everything is saved at once", () => {
  const environment = new ManualEnvironment();
  const backoff = new Backoff({ baseMs: 100, capMs: 1000 }, environment);
  const ledger = new Ledger({ persistence: undefined, environment, backoff, failed: assert.fail });
  let called = false;
  ledger.write(queued("1"));
  ledger.afterSave(() => {
    called = true;
  });
  assert.ok(called);
});
