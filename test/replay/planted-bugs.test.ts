/** The replay finds what it is for: played against servers with a bug on purpose, it says which fault, and ends with 1. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { replay } from "./replay-command.ts";

const faultyServer = fileURLToPath(new URL("../faults/faulty-server.ts", import.meta.url));
const lineCount = 600;

/** A log in which people say several lines in a row, each to one of the two whose messages the bugs mix up. */
function busyLog(): string {
  const lines = Array.from({ length: lineCount }, (_, i) => {
    const speaker = Math.floor(i / 5) % 8;
    return `[00:00] <receiver-${speaker}> receiver-${i % 2}: line ${i}`;
  });
  return lines.join("\n");
}

async function play(context: TestContext, args: readonly string[], env: Readonly<Record<string, string>>) {
  const directory = temporaryDirectory(context);
  const log = join(directory, "busy.txt");
  writeFileSync(log, busyLog());
  return replay(["--server", faultyServer, "--seed", "1", ...args, log], { ...env, TMPDIR: directory });
}

for (const [bug, fault, args] of [
  ["acknowledge-before-sync", "lost", ["--kills", "3", "--rate", "300"]],
  ["forget-dedupe", "duplicated", ["--kills", "3", "--cuts", "0.2", "--rate", "300"]],
  ["swap-order", "reordered", ["--kills", "0"]],
  ["swap-recipient", "misdelivered", ["--kills", "0"]],
] as const)
  test(`a server with the bug ${bug}: ${fault}`, async (context) => {
    const result = await play(context, args, { TEST_PLANT: bug });
    const output = `${result.stdout}\n${result.stderr}`;
    assert.equal(result.code, 1, output);
    assert.ok(result.count(fault) > 0, output);
    assert.match(output, /^To repeat it: --seed 1 --kills \d/m);
  });

test("the same server without a bug passes", async (context) => {
  const result = await play(context, ["--kills", "2", "--cuts", "0.2"], {});
  assert.equal(result.code, 0, `${result.stdout}\n${result.stderr}`);
});
