/** Outcome "real input": two of the real logs come through whole, over kills and cuts, and wrong usage is told. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { realLog, replay } from "./replay-command.ts";

test("two real logs: everything comes once, in order, to whom it is for, over kill -9 and cut connections", async () => {
  const logs = [realLog("2013-10-04.train-a.txt"), realLog("2015-11-26.train-b.txt")];
  const result = await replay(["--kills", "5", "--cuts", "0.1", ...logs]);
  const output = `${result.stdout}\n${result.stderr}`;
  assert.equal(result.code, 0, output);
  assert.match(result.stdout, /^replay: seed \d+,/, output);
  assert.match(result.stdout, / 5 kills of the server, \d{2,} cut connections/, output);
  const spoken = logs.flatMap((log) =>
    readFileSync(log, "latin1")
      .split("\n")
      .filter((line) => line.startsWith("[")),
  );
  const direct = result.count("sent") - spoken.length;
  assert.ok(direct > 300, `${direct} direct messages`);
  assert.equal(result.count("acknowledged"), result.count("sent"));
  assert.ok(result.count("delivered") > 100 * spoken.length, output);
  for (const fault of ["lost", "duplicated", "reordered", "misdelivered", "invented"])
    assert.equal(result.count(fault), 0, output);
});

test("wrong usage and unreadable files are said, and end with 2", async () => {
  for (const [args, complaint] of [
    [[], /no file given/],
    [["--kills", "many", "x"], /--kills takes a whole number/],
    [["--frobnicate", "x"], /--frobnicate/],
    [["/nonexistent/log.txt"], /nonexistent/],
    [["/"], /EISDIR/],
  ] as const) {
    const { code, stderr } = await replay(args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, complaint);
  }
});
