import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLog } from "./log-file.ts";

function parsed(...lines: (string | Buffer)[]) {
  const rows = lines.map((line) => (typeof line === "string" ? Buffer.from(line) : line));
  return parseLog("a.txt", Buffer.concat(rows.flatMap((row) => [row, Buffer.from("\n")])));
}

function bytes(latin1: string): Buffer {
  return Buffer.from(latin1, "latin1");
}

test("a line is addressed to whom it begins with, if that nick is in the file", () => {
  const log = parsed(
    "[00:00] <a> b: hello",
    "[00:00] <b> a, hello",
    "[00:00] <b> c: hello",
    "[00:00] <b> a hello: there",
    "[00:00] <b> A: hello",
    "=== d [x@y] has joined #ubuntu",
    "[00:01] <a> d: hello",
    "[00:01] <a> a: to myself",
  );
  const addressees = log.events.flatMap((event) => (event.type === "line" ? [event.addressee] : []));
  assert.deepEqual(addressees, ["b", "a", undefined, undefined, undefined, "d", "a"]);
  assert.deepEqual([...log.nicks], ["a", "b", "d"]);
});

test("text is carried as text and anything else as its bytes", () => {
  const log = parsed(
    "[00:00] <a> caf\u00e9 \u{1f600} \ufeff",
    bytes("[00:00] <a> caf\xe9"),
    bytes("[00:00] <a> \x03bold\x00"),
    bytes("[00:00] <a> \xed\xa0\x80"),
  );
  const bodies = log.events.flatMap((event) => (event.type === "line" ? [event.body] : []));
  assert.deepEqual(bodies, ["caf\u00e9 \u{1f600} \ufeff", bytes("caf\xe9"), "\x03bold\x00", bytes("\xed\xa0\x80")]);
  assert.deepEqual(Object.fromEntries(log.oddities), {
    "not UTF-8: carried as bytes": 2,
    "with control characters: carried as they are": 1,
  });
});

test("no line is dropped without a count", () => {
  const log = parsed(
    "[00:00] <a> x",
    "=== a laughs",
    "=== nobody laughs",
    "=== mode/#ubuntu [+o a] by ChanServ",
    "garbage",
    "",
    "[00:01]  * a waves",
  );
  const lines = log.events.flatMap((event) => (event.type === "line" ? [event] : []));
  assert.deepEqual(
    lines.map(({ line, nick, kind, body }) => [line, nick, kind, body]),
    [
      [1, "a", "said", "x"],
      [2, "a", "action", "laughs"],
      [3, undefined, "note", "=== nobody laughs"],
      [4, undefined, "note", "=== mode/#ubuntu [+o a] by ChanServ"],
      [5, undefined, "note", "garbage"],
      [7, "a", "action", "waves"],
    ],
  );
  assert.deepEqual(Object.fromEntries(log.oddities), {
    '"=== nick …" of a known nick: carried as an action': 1,
    "not of the format: carried verbatim by the scribe": 3,
    "empty lines: skipped": 1,
  });
});

test("the end of the file, with or without a newline, and a byte order mark are no lines", () => {
  for (const text of ["[00:00] <a> x\n[00:00] <a> y", "\ufeff[00:00] <a> x\n[00:00] <a> y\n"]) {
    const log = parseLog("a.txt", Buffer.from(text));
    assert.equal(log.lines, 2);
    assert.deepEqual(log.oddities.size, 0);
  }
  assert.equal(parseLog("a.txt", Buffer.alloc(0)).lines, 0);
});

test("the longest body counts as it travels", () => {
  assert.equal(parsed(`[00:00] <a> ${"x".repeat(700)}`).longestBody, 700);
  assert.equal(parsed(bytes(`[00:00] <a> ${"\xff".repeat(300)}`)).longestBody, 400);
});
