/** `parley chat` in a real pseudo terminal: what a person sees while others write, and what keys do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "@parley/client";
import { nodeTransport } from "@parley/client/node";
import { hostileBodies } from "./hostile-messages.ts";
import { type Context, testServer } from "./parley-process.ts";
import { ChatTerminal } from "./pseudo-terminal.ts";

/** Alice at a terminal, talking to bob, who is a program. */
async function conversation(context: Context) {
  const server = await testServer(context);
  const bob = createClient({ url: server.wsUrl, transport: nodeTransport(), user: "bob", backoff: { capMs: 500 } });
  context.after(() => bob.close({ timeoutMs: 0 }));
  await bob.connect();
  const args = ["alice", "--to", "bob", "--url", server.wsUrl];
  const sit = () => new ChatTerminal(context, { args });
  const alice = sit();
  await alice.untilRow(/^alice → bob ›$/);
  return { server, bob, alice, sit };
}

test("incoming lines leave the line being typed and its cursor as they are", async (context) => {
  const { bob, alice } = await conversation(context);
  alice.type("half a lime");
  alice.type("\u001b[D\u001b[D");
  await alice.until(
    ({ inputRow, column }) => inputRow === "alice → bob › half a lime" && column === 23,
    "the typed line",
  );
  for (let number = 1; number <= 30; number++) await bob.send("alice", `message ${number} ${"long ".repeat(number)}`);
  await alice.untilRow(/bob: message 30/);
  assert.equal(alice.terminal.inputRow, "alice → bob › half a lime");
  assert.equal(alice.terminal.column, 23);
  const numbers = [...alice.terminal.all.matchAll(/bob: message (\d+)/g)].map(([, number]) => Number(number));
  assert.deepEqual(
    numbers,
    Array.from({ length: 30 }, (_, index) => index + 1),
  );
  assert.equal(alice.terminal.all.split("half a li").length, 2);
  const received = bob.messages().next();
  alice.type("\u007fn\r");
  assert.equal((await received).value?.body, "half a line".replace("line", "lnme"));
});

test("ticks beside own messages: on its way, stored, arrived", async (context) => {
  const { bob, alice } = await conversation(context);
  alice.type("Lunch?\r");
  await alice.untilRow(/^✓ {2}\d\d:\d\d alice → bob: Lunch\?$/);
  alice.type("typing on");
  await bob.send("alice", "in between");
  await alice.untilRow(/bob: in between/);
  const messages = bob.messages();
  assert.equal((await messages.next()).value?.body, "Lunch?");
  void messages.next();
  await alice.untilRow(/^✓✓ \d\d:\d\d alice → bob: Lunch\?$/);
  assert.equal(alice.terminal.inputRow, "alice → bob › typing on");
});

test("hostile messages do nothing to the terminal", async (context) => {
  const { bob, alice } = await conversation(context);
  alice.type("safe");
  await alice.untilRow(/› safe$/);
  for (const body of hostileBodies) await bob.send("alice", body, { type: "\u001b[1m" });
  await bob.send("alice", "the last");
  // The terminal of this test refuses every control character and sequence that the chat does not use itself.
  await alice.untilRow(/bob: the last/);
  assert.equal(alice.terminal.inputRow, "alice → bob › safe");
  assert.match(alice.terminal.all, /^ {9}✓✓ 00:00 alice → bob: forged$/m);
});

test("what is typed while the server is away waits, and is sent when it is back", async (context) => {
  const { server, bob, alice } = await conversation(context);
  await server.kill();
  await alice.untilRow(/^alice → bob \(offline\) ›$/);
  alice.type("are you there?\rand mo");
  await alice.untilRow(/^· {2}\d\d:\d\d alice → bob: are you there\?$/);
  await server.start();
  const { value } = await bob.messages().next();
  assert.equal(value?.body, "are you there?");
  await alice.untilRow(/^✓/);
  await alice.untilRow(/online again/);
  assert.equal(alice.terminal.inputRow, "alice → bob › and mo");
});

test("the commands answer", async (context) => {
  const { alice } = await conversation(context);
  alice.type("/join #room\r");
  await alice.untilRow(/^alice → #room ›$/);
  alice.type("hello\r");
  await alice.untilRow(/^✓ {2}\d\d:\d\d alice → #room: hello$/);
  alice.type("/who #room\r");
  await alice.untilRow(/#room, online: alice/);
  alice.type("/rooms\r");
  await alice.untilRow(/#room \(1 member, you too\)/);
  alice.type("/history 5\r");
  await alice.untilRow(/^ {3}\d\d:\d\d alice → #room: hello$/);
  alice.type("/leave\r");
  await alice.untilRow(/^alice ›$/);
  alice.type("to whom?\r");
  await alice.untilRow(/nobody to talk to yet/);
  alice.type("/help\r");
  await alice.untilRow(/\/to NAME/);
});

test("history on entry, marked, and what has come since after it", async (context) => {
  const { bob, alice, sit } = await conversation(context);
  await bob.send("alice", "seen before");
  await alice.untilRow(/bob: seen before/);
  alice.type("mine\r");
  await alice.untilRow(/^✓ .*mine/);
  alice.type("\u0004");
  assert.equal(await alice.ended(), 0);
  await bob.send("alice", "not seen yet");
  const again = sit();
  await again.untilRow(/bob: not seen yet/);
  const rows = again.terminal.screen
    .map((row) => row.replace(/^ +\d\d:\d\d /, ""))
    .filter((row) => !row.startsWith(" –"));
  const from = rows.findIndex((row) => row.startsWith("── earlier, with bob ─"));
  assert.deepEqual(rows.slice(from + 1, from + 3), ["bob: seen before", "alice → bob: mine"]);
  assert.match(rows[from + 3] ?? "", /^── now ─/);
  assert.deepEqual(rows.slice(from + 4), ["bob: not seen yet", "alice → bob ›"]);
});

for (const [name, keys] of [
  ["Ctrl-C", "\u0003"],
  ["Ctrl-D on an empty line", "\u0004"],
  ["/quit", "/quit\r"],
] as const)
  test(`${name} leaves, and gives the terminal back`, async (context) => {
    const { alice } = await conversation(context);
    assert.ok(alice.terminal.bracketedPaste);
    alice.type(keys);
    assert.equal(await alice.ended(), 0);
    assert.ok(!alice.terminal.bracketedPaste);
    assert.equal(alice.terminal.inputRow, "");
    assert.equal(alice.terminal.column, 0);
  });

test("without colours where NO_COLOR says so", async (context) => {
  const server = await testServer(context);
  const written: string[] = [];
  const environments: readonly Record<string, string>[] = [{ NO_COLOR: "1" }, {}];
  for (const env of environments) {
    const chat = new ChatTerminal(context, { args: ["alice", "--to", "bob", "--url", server.wsUrl], env });
    await chat.untilRow(/^alice → bob ›$/);
    written.push(chat.written);
    chat.type("\u0003");
    assert.equal(await chat.ended(), 0);
  }
  assert.ok(!/\[\d+m/.test(written[0] ?? ""));
  assert.ok(/\[\d+m/.test(written[1] ?? ""));
});
