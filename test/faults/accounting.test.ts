/**
 * P5: accepted = acknowledged + pending + dead letters, whenever the server is stopped and looked into, over kills, with
 * everything going on that decides how a message ends. Counted on the store itself, and compared with what the server
 * says; and the count finds the bugs that were planted for it.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { it } from "node:test";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { runAccounting } from "./accounting-run.ts";
import { seededRandom } from "./crash-run.ts";
import { accountingBugs } from "./planted-bugs.ts";

const seed = Number(process.env.TEST_SEED ?? randomInt(2 ** 31));

it("accounts for every accepted message after every crash", { timeout: 120_000 }, async (t) => {
  const random = seededRandom(seed);
  const findings = await runAccounting({ dataDir: temporaryDirectory(t), random, lives: 4 });
  t.diagnostic(`TEST_SEED=${seed} ${JSON.stringify(findings)}`);
  assert.deepEqual(findings.wrong, []);
  const { told, dead, purged, replayed, rejected } = findings;
  assert.ok(
    told > 500 && dead + purged > 100 && purged > 10 && replayed > 3 && rejected > 5,
    "too little to show anything",
  );
});

for (const [bug, name] of Object.entries(accountingBugs))
  it(`finds the planted bug ${bug}`, { timeout: 120_000 }, async (t) => {
    const random = seededRandom(seed);
    const { wrong } = await runAccounting({ dataDir: temporaryDirectory(t), random, lives: 4, plant: bug });
    t.diagnostic(`TEST_SEED=${seed} ${wrong.slice(0, 3).join("; ")}`);
    assert.match(wrong.join("; "), name);
  });
