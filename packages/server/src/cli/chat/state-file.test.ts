import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { temporaryDirectory } from "../../../../../test/support/temporary-directory.ts";
import { chatStateFile } from "./state-file.ts";

const url = "ws://127.0.0.1:8080";

test("users, servers and devices have files of their own, spellings of one user do not", (context) => {
  const environment = { XDG_STATE_HOME: temporaryDirectory(context) };
  const file = (user: string, at = url, device?: string) =>
    chatStateFile({ url: at, user, ...(device === undefined ? {} : { device }) }, environment);
  assert.equal(file("Alice"), file("alice"));
  const files = [file("alice"), file("bob"), file("alice", "ws://127.0.0.1:8081"), file("alice", url, "phone")];
  assert.equal(new Set(files).size, files.length);
  assert.equal(dirname(file("alice")), join(environment.XDG_STATE_HOME, "parley", "127.0.0.1_8080"));
  assert.equal(statSync(dirname(file("alice"))).mode & 0o777, 0o700);
});

test("no name leads out of the directory or is too long for a file", (context) => {
  const environment = { XDG_STATE_HOME: temporaryDirectory(context) };
  const directory = dirname(chatStateFile({ url, user: "alice" }, environment));
  for (const user of ["..", ".", "中".repeat(64), "a".repeat(64)]) {
    const file = chatStateFile({ url, user }, environment);
    assert.equal(dirname(file), directory);
    assert.ok(Buffer.byteLength(basename(file)) < 200);
  }
});

test("a relative XDG_STATE_HOME is ignored, as the specification says", (context) => {
  const home = temporaryDirectory(context);
  const before = process.env.HOME;
  process.env.HOME = home;
  context.after(() => {
    process.env.HOME = before;
  });
  assert.ok(
    chatStateFile({ url, user: "alice" }, { XDG_STATE_HOME: "state" }).startsWith(join(home, ".local", "state")),
  );
});
