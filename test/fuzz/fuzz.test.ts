/**
 * Mutational fuzz of every listener (reliability.md, fault 11): whatever comes, the same process serves two well-behaved
 * clients as if nothing were, holds no more memory in the end, and leaves a store that opens. 100,000 inputs:
 * `npm run soak:fuzz`.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import { plantedBugs } from "../faults/planted-bugs.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { type FuzzOptions, type FuzzReport, faultsOf, fuzz } from "./fuzz-run.ts";
import { plantedListener } from "./listeners.ts";
import { plantedGateways } from "./planted-gateways.ts";

const seed = Number(process.env.TEST_SEED ?? randomInt(2 ** 31));
const inputs = 5_000;

async function run(t: TestContext, options: Omit<FuzzOptions, "dataDir" | "seed">): Promise<FuzzReport> {
  const report = await fuzz({ ...options, dataDir: temporaryDirectory(t), seed });
  const { sent, received, inputsPerSecond, p50Ms, p99Ms, maxMs, memory } = report;
  const mebibytes = (bytes = 0) => Math.round(bytes / 2 ** 20);
  t.diagnostic(
    `TEST_SEED=${seed} ${report.inputs} inputs, ${inputsPerSecond}/s; the pair sent ${sent}, received ${received}, ` +
      `p50 ${p50Ms.toFixed(1)} p99 ${p99Ms.toFixed(1)} max ${maxMs.toFixed(0)} ms; held ${mebibytes(memory.warm?.heldBytes)} → ` +
      `${mebibytes(memory.end?.heldBytes)} MiB, resident ${mebibytes(memory.warm?.residentBytes)} → ` +
      `${mebibytes(memory.end?.residentBytes)} MiB, users ${memory.warm?.users} → ${memory.end?.users}`,
  );
  return report;
}

describe("the fuzz", () => {
  it(`of every listener, ${inputs} inputs, disturbs nobody`, { timeout: 120_000 }, async (t) => {
    const report = await run(t, { inputs });
    for (const [what, found] of Object.entries(faultsOf(report))) assert.deepEqual(found, [], what);
    assert.ok(report.received > 200, `only ${report.received} messages were exchanged: this showed nothing`);
  });
});

// Each against a server of its own: side by side they take a third of the time.
describe("the fuzz finds", { concurrency: 4 }, () => {
  for (const [bug, field] of Object.entries(plantedGateways)) {
    it(`a gateway with ${bug}, reported as ${field}`, { timeout: 60_000 }, async (t) => {
      const env = { TEST_PLANTED_GATEWAY: bug };
      const report = await run(t, { inputs: 600, listeners: [plantedListener], env });
      assert.notDeepEqual(report[field], [], `the fuzz did not notice ${bug}`);
    });
  }

  for (const bug of ["swap-order"] as const) {
    it(`an engine with ${bug}, reported as ${plantedBugs[bug]}`, { timeout: 60_000 }, async (t) => {
      const report = await run(t, {
        inputs: 500,
        listeners: [plantedListener],
        env: { TEST_PLANT: bug, TEST_PLANTED_GATEWAY: "bug-in-log" },
      });
      assert.notDeepEqual(report[plantedBugs[bug]], [], `the fuzz did not notice ${bug}`);
    });
  }
});
