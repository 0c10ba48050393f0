import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions } from "./options.ts";

test("options have defaults, and each can be set", () => {
  assert.deepEqual(parseOptions(["a.txt"], 99), {
    type: "run",
    options: { files: ["a.txt"], kills: 5, cuts: 0.05, seed: 99, rate: 0, urls: [], server: undefined },
  });
  const files = Array.from({ length: 7 }, (_, i) => `${i}.txt`);
  const many = parseOptions(files, 1);
  assert.equal(many.type === "run" && many.options.kills, 7);
  assert.deepEqual(
    parseOptions("--kills 0 --cuts 0.5 --seed 7 --rate 100 --server s.ts a.txt --".split(" ").concat("-b.txt"), 99),
    {
      type: "run",
      options: { files: ["a.txt", "-b.txt"], kills: 0, cuts: 0.5, seed: 7, rate: 100, urls: [], server: "s.ts" },
    },
  );
  const remote = parseOptions(["--url", "ws://127.0.0.1:8080", "--url", "tcp://127.0.0.1:5790", "a"], 1);
  assert.ok(remote.type === "run");
  assert.deepEqual(remote.options.urls, ["ws://127.0.0.1:8080", "tcp://127.0.0.1:5790"]);
  assert.equal(remote.options.kills, 0);
  assert.deepEqual(parseOptions(["--help"], 1), { type: "help" });
});

test("all that is wrong is said at once", () => {
  const wrong = parseOptions("--kills=-1 --cuts 0.95 --seed 1.5 --rate x --url http://a".split(" "), 1);
  assert.equal(wrong.type === "wrong" && wrong.faults.length, 6);
  for (const args of [["--frob", "a"], ["--url", "ws://a", "--kills", "1", "a"], ["--kills", "", "a"], []])
    assert.equal(parseOptions(args, 1).type, "wrong", args.join(" "));
});
