import assert from "node:assert/strict";
import { test } from "node:test";
import { Findings } from "./findings.ts";
import { type Outcome, reportLines } from "./report.ts";

function outcome(findings: Findings, changes: Partial<Outcome> = {}): Outcome {
  return {
    findings,
    files: 1,
    lines: 1_500,
    users: 247,
    kills: 5,
    cuts: 12,
    elapsedMs: 2_000,
    received: 1_005,
    oddities: new Map(),
    troubles: new Map(),
    ...changes,
  };
}

test("a clean run: counts, rates, and every fault at 0", () => {
  const findings = new Findings();
  findings.count("sent", 10);
  findings.count("acknowledged", 10);
  findings.count("delivered", 1_000);
  const lines = reportLines(outcome(findings));
  const text = lines.join("\n");
  assert.match(text, /^1,500 lines of 1 file, 247 users, 5 kills of the server, 12 cut connections, 2\.0 s$/m);
  assert.match(text, /^ {2}acknowledged +10 +5\/s/m);
  assert.match(text, /^ {2}delivered +1,000 +500\/s, and 5 repeats/m);
  for (const fault of ["lost", "duplicated", "reordered", "misdelivered", "invented"])
    assert.match(text, new RegExp(`^  ${fault} +0$`, "m"));
  assert.match(lines.at(-1) ?? "", /^Everything/);
});

test("faults come with examples that cannot steer a terminal", () => {
  const findings = new Findings();
  for (let i = 0; i < 9; i += 1) findings.fault("lost", () => `line ${i} \x1b[2J of x`);
  findings.fault("refused", () => "too_large");
  const lines = reportLines(outcome(findings, { troubles: new Map([["odd \x07", 3]]) }));
  const text = lines.join("\n");
  assert.match(text, /^ {2}lost +9$/m);
  assert.match(text, /^ {2}refused +1$/m);
  assert.equal(lines.filter((line) => line.includes("line ")).length, 5);
  assert.ok(!/[^\n\x20-\x7e…]/.test(text), text);
  assert.match(lines.at(-1) ?? "", /^NOT everything/);
});
