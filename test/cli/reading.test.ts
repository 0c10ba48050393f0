/** `parley history`, `users` and `rooms`: what they show, for people and for programs, also of hostile messages. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "@parley/client";
import { nodeTransport } from "@parley/client/node";
import { exitCodes } from "../../packages/server/src/cli/exit-codes.ts";
import { harmful, hostileBodies } from "./hostile-messages.ts";
import { type Context, linesOf, parley, testServer } from "./parley-process.ts";

/** A server, a client of bob's to fill it with, and the command line as alice. */
async function library(context: Context) {
  const server = await testServer(context);
  const alice = (...args: readonly string[]) => parley(context, [...args, "--url", server.wsUrl, "--user", "alice"]);
  const connect = async (user: string) => {
    const client = createClient({ url: server.tcpUrl, transport: nodeTransport(), user });
    await client.connect();
    context.after(() => client.close({ timeoutMs: 0 }));
    return client;
  };
  await (await connect("alice")).close();
  return { alice, connect, bob: await connect("bob") };
}

function bodies(stdout: string): string[] {
  return linesOf(stdout).map((line) => JSON.parse(line).body);
}

test("history shows the newest, before and after a seq, over several pages", async (context) => {
  const { alice, bob } = await library(context);
  const sent = Array.from({ length: 620 }, (_, index) => `n${index + 1}`);
  await Promise.all(sent.map((body) => bob.send("alice", body)));
  assert.deepEqual(bodies((await alice("history", "--json")).stdout), sent.slice(-50));
  assert.deepEqual(bodies((await alice("history", "--json", "--limit", "600")).stdout), sent.slice(-600));
  assert.deepEqual(bodies((await alice("history", "--json", "--limit", "10000")).stdout), sent);
  assert.deepEqual(bodies((await alice("history", "--json", "--before", "11", "--limit", "3")).stdout), [
    "n8",
    "n9",
    "n10",
  ]);
  assert.deepEqual(bodies((await alice("history", "--json", "--after", "5", "--limit", "2")).stdout), ["n6", "n7"]);
  assert.deepEqual(
    bodies((await alice("history", "alice", "--json", "--after", "20", "--limit", "600")).stdout),
    sent.slice(20),
  );
});

test("history of one's own log can be narrowed to one partner, and of rooms needs membership", async (context) => {
  const { alice, bob, connect } = await library(context);
  const carol = await connect("carol");
  await bob.send("alice", "from bob");
  await carol.send("alice", "from carol");
  const { stdout } = await alice("history", "--with", "Carol");
  assert.match(stdout, /^ +2 {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}carol: from carol\n$/);
  await bob.join("#secret");
  const refused = await alice("history", "#secret");
  assert.deepEqual([refused.code, refused.stdout], [exitCodes.failed, ""]);
  assert.match(refused.stderr, /#secret/);
});

test("users and rooms are listed, with who is there", async (context) => {
  const { alice, bob, connect } = await library(context);
  const carol = await connect("carol");
  await carol.close();
  await bob.join("#general");
  const users = linesOf((await alice("users")).stdout);
  assert.match(users.join("\n"), /^alice +online\nbob +online\ncarol +last seen \d{4}-\d\d-\d\d \d\d:\d\d$/);
  assert.match((await alice("users", "--room", "#general")).stdout, /^bob +online\n$/);
  assert.match((await alice("rooms")).stdout, /^#general +1 member\n$/);
  assert.deepEqual(JSON.parse((await alice("rooms", "--json")).stdout), {
    room: "#general",
    members: 1,
    joined: false,
  });
  const nowhere = await alice("users", "--room", "#nowhere");
  assert.equal(nowhere.code, exitCodes.failed);
});

test("hostile messages are shown without any control character, and are whole in JSON", async (context) => {
  const { alice, bob } = await library(context);
  for (const body of hostileBodies) await bob.send("alice", body, { type: "\u001b[1m", contentType: "\u009b1m" });
  const forPeople = await alice("history");
  for (const line of linesOf(forPeople.stdout)) assert.ok(!harmful.test(line), JSON.stringify(line));
  assert.match(forPeople.stdout, /^ {20,}✓✓ 00:00 alice → bob: forged$/m);
  for (const command of [
    ["history", "--json"],
    ["listen", "--once"],
  ]) {
    const { stdout } = await alice(...command);
    for (const line of linesOf(stdout)) assert.ok(!harmful.test(line), line);
    assert.deepEqual(bodies(stdout), hostileBodies);
  }
});
