/** `parley dead …` and `parley trace`: what they show and do, for people and for programs, also of hostile messages. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { exitCodes } from "../../packages/server/src/cli/exit-codes.ts";
import { RawSession } from "../support/raw-session.ts";
import { harmful } from "./hostile-messages.ts";
import { type Context, linesOf, parley, testServer } from "./parley-process.ts";

const hostile = "\u001b[2Jgone\u202e";

/** A server where alice rejected what bob sent her, in that order, and the command line. */
async function library(context: Context, bodies: readonly string[]) {
  const server = await testServer(context);
  const port = Number(new URL(server.tcpUrl).port);
  const alice = await RawSession.login(port, "alice", { device: "phone" });
  const bob = await RawSession.login(port, "bob", { device: "phone" });
  const ids: string[] = [];
  for (const body of bodies) {
    bob.send({ op: "send", to: "alice", body, copy: false });
    ids.push((await bob.next("ok")).id as string);
    const { seq } = await alice.next("message");
    alice.send({ op: "reject", log: "alice", seq, reason: hostile });
    await alice.next("ok");
  }
  context.after(() => {
    for (const session of [alice, bob]) session.close();
  });
  const run = (...args: readonly string[]) => parley(context, [...args, "--data-dir", server.dataDir]);
  return { run, alice, ids, server };
}

test("dead letters are listed, shown, replayed once and purged", async (context) => {
  const { run, alice } = await library(context, ["one", hostile, "three"]);
  const listed = await run("dead", "list", "--json");
  assert.deepEqual(
    linesOf(listed.stdout).map((line) => JSON.parse(line).message.body),
    ["three", hostile, "one"],
  );
  const forPeople = await run("dead", "list", "--reason", "rejected", "--address", "ALICE", "--limit", "2");
  assert.match(forPeople.stdout, /^ {5}3 {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}rejected {6}bob → alice: three\n/);
  const shown = await run("dead", "show", "2");
  for (const { stdout } of [forPeople, shown, listed])
    assert.ok(!harmful.test(stdout.replaceAll("\n", "")), "it is harmless");
  assert.match(shown.stdout, /reason {4}rejected.*\nnote {6}\\u\{1b\}\[2Jgone/);

  const replayed = await run("dead", "replay", "1", "3", "--json");
  const bodies = [(await alice.next("message")).body, (await alice.next("message")).body];
  assert.deepEqual(bodies, ["one", "three"]);
  assert.deepEqual(
    linesOf(replayed.stdout).map((line) => JSON.parse(line).duplicate),
    [false, false],
  );
  assert.match((await run("dead", "replay", "1")).stdout, /^1 was replayed before to alice as /);
  assert.equal((await run("dead", "replay", "1", "--to", "nobody", "--again")).code, exitCodes.failed);

  assert.equal((await run("dead", "purge", "2")).stdout, "1 letter purged\n");
  const missing = await run("dead", "show", "2");
  assert.deepEqual([missing.code, missing.stdout], [exitCodes.failed, ""]);
  assert.match(missing.stderr, /no dead letter 2/);
  assert.deepEqual(JSON.parse((await run("dead", "purge", "--from", "bob", "--json")).stdout), { purged: 2 });
  assert.equal((await run("dead", "list")).stdout, "");
});

test("a command line that does not say which letters, or a server that is not there, is told so", async (context) => {
  const { run, server } = await library(context, ["one"]);
  for (const args of [["purge"], ["purge", "1", "--all"], ["show", "x"], ["list", "--reason", "none"]])
    assert.equal((await run("dead", ...args)).code, exitCodes.usage, args.join(" "));
  assert.equal(linesOf((await run("dead", "list")).stdout).length, 1);
  await server.kill();
  assert.equal((await run("dead", "list")).code, exitCodes.unreachable);
});

test("a trace tells where a message went, and what of it is known", async (context) => {
  const { run, ids } = await library(context, ["one"]);
  const [id = ""] = ids;
  const { stdout } = await run("trace", id);
  assert.match(
    stdout,
    /stored in alice as 1: dead\n {2}alice: acknowledged\n {2}given to alice\/phone \(.*acknowledged after \d+ ms/,
  );
  assert.match(stdout, /dead letter 1 of alice: rejected/);
  assert.equal(JSON.parse((await run("trace", id, "--address", "alice", "--json")).stdout).places[0].seq, 1);
  const unknown = await run("trace", `${id.slice(0, -1)}${id.endsWith("0") ? "1" : "0"}`);
  assert.equal(unknown.code, exitCodes.failed);
});
