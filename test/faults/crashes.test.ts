/**
 * P1–P4 over crashes: a server killed with `kill -9` at random moments and at each step of a commit and a checkpoint.
 * Nothing that was acknowledged is missing, nothing is stored twice, out of order or in the wrong hands.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import { commitSteps } from "../../packages/server/src/engine/level/commit.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { type CrashRunOptions, crashRun } from "./crash-run.ts";
import type { Report } from "./ledger.ts";
import { plantedBugs } from "./planted-bugs.ts";

const seed = Number(process.env.TEST_SEED ?? randomInt(2 ** 31));
const cycles = 20;

async function run(t: TestContext, options: Omit<CrashRunOptions, "dataDir" | "seed">): Promise<Report> {
  const report = await crashRun({ ...options, dataDir: temporaryDirectory(t), seed });
  const { lost, duplicated, reordered, misdelivered, invented, ...counts } = report;
  t.diagnostic(
    `TEST_SEED=${seed} ${JSON.stringify(counts)} lost ${lost.length} duplicated ${duplicated.length} reordered ${reordered.length} misdelivered ${misdelivered.length} invented ${invented.length}`,
  );
  return report;
}

function assertClean({ lost, duplicated, reordered, misdelivered, invented, acknowledged, sent }: Report): void {
  assert.deepEqual(
    { lost, duplicated, reordered, misdelivered, invented },
    { lost: [], duplicated: [], reordered: [], misdelivered: [], invented: [] },
  );
  assert.equal(acknowledged, sent, "every send was answered in the end");
  assert.ok(sent > 100, `only ${sent} messages were sent: this showed nothing`);
}

describe("crashes", () => {
  it(`loses nothing over ${cycles} kill -9 at random moments`, { timeout: 120_000 }, async (t) => {
    const report = await run(t, { lives: new Array(cycles + 1).fill({}), lifeMs: (random) => 30 + random() * 300 });
    assertClean(report);
  });

  for (const step of commitSteps) {
    it(`loses nothing when it dies ${step}`, { timeout: 60_000 }, async (t) => {
      const hits = step.startsWith("checkpoint") ? [2, 1] : [30, 90];
      const lives = [...hits.map((hit) => ({ TEST_FAILPOINT: `${step}:${hit}` })), {}];
      // Long enough that the failpoint ends each life, not the clock.
      const report = await run(t, { lives, lifeMs: (_, last) => (last ? 200 : 15_000) });
      assertClean(report);
    });
  }
});

describe("the checkers find planted bugs", () => {
  for (const [bug, name] of Object.entries(plantedBugs)) {
    it(`${bug} is reported as ${name}`, { timeout: 120_000 }, async (t) => {
      const report = await run(t, {
        lives: new Array(6).fill({ TEST_PLANT: bug }),
        lifeMs: (random) => 100 + random() * 250,
      });
      assert.notDeepEqual(report[name], [], `the checker did not notice ${bug}`);
    });
  }
});
