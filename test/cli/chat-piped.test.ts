/** `parley chat` without a terminal, and what it remembers from one time to the next. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { exitCodes } from "../../packages/server/src/cli/exit-codes.ts";
import { type Context, parley, type RunningParley, startParley, testServer } from "./parley-process.ts";

async function chats(context: Context) {
  const server = await testServer(context);
  const url = ["--url", server.wsUrl];
  await parley(context, ["users", "--user", "bob", ...url]);
  return {
    server,
    chat: (args: readonly string[], input = "") => parley(context, ["chat", ...args, ...url], { input }),
    startChat: (...args: readonly string[]) => startParley(context, ["chat", ...args, ...url]),
    send: (from: string, to: string, text: string) => parley(context, ["send", "--user", from, to, text, ...url]),
  };
}

function bodiesOf(stdout: string): string[] {
  return [...stdout.matchAll(/^.{3}\d\d:\d\d [^:]+: (.*)$/gm)].map((match) => match[1] ?? "");
}

function shows(chat: RunningParley, text: string): Promise<void> {
  return chat.stdout.until(() => chat.stdout.text.includes(text), text);
}

test("each line of the input is sent, commands are obeyed, the end ends it", async (context) => {
  const { chat } = await chats(context);
  const input = "hello bob\n\n//literally\n/join #room\nhello room\n/to *\nhello all\n";
  const { code, stdout } = await chat(["alice", "--to", "bob"], input);
  assert.equal(code, 0);
  const own = stdout.split("\n").filter((line) => line.startsWith("✓  "));
  assert.deepEqual(
    own.map((line) => line.slice(9)),
    ["alice → bob: hello bob", "alice → bob: /literally", "alice → #room: hello room", "alice → *: hello all"],
  );
});

test("what is refused is told, and the exit code says so", async (context) => {
  const { chat } = await chats(context);
  const { code, stdout, stderr } = await chat(["alice", "--to", "nobody"], "hello\n");
  assert.equal(code, exitCodes.failed);
  assert.match(stdout, /^✗ {2}\d\d:\d\d alice → nobody: hello$/m);
  assert.match(stderr, /to nobody: .*nobody/);
});

test("a long input waits for the server instead of overrunning it", async (context) => {
  const { chat } = await chats(context);
  const lines = Array.from({ length: 25_000 }, (_, index) => `n${index}`);
  const { code, stdout } = await chat(["alice", "--to", "*"], `${lines.join("\n")}\n`);
  assert.equal(code, 0);
  assert.deepEqual(bodiesOf(stdout), lines);
});

test("one chat goes on where the last one stopped: nothing twice, nothing missed", async (context) => {
  const { startChat, send } = await chats(context);
  await send("alice", "bob", "one");
  const first = startChat("bob");
  await shows(first, "alice: one");
  await send("alice", "bob", "two");
  await shows(first, "alice: two");
  first.child.kill("SIGTERM");
  assert.equal((await first.outcome()).code, 0);
  await send("alice", "bob", "three");
  const second = startChat("bob");
  await shows(second, "alice: three");
  second.child.stdin.end();
  assert.deepEqual(bodiesOf((await second.outcome()).stdout), ["three"]);
});

test("a chat that was killed has lost nothing either", async (context) => {
  const { startChat, send } = await chats(context);
  const first = startChat("bob");
  await send("alice", "bob", "one");
  await shows(first, "alice: one");
  first.child.kill("SIGKILL");
  await first.outcome();
  await send("alice", "bob", "two");
  const second = startChat("bob");
  await shows(second, "alice: two");
  second.child.stdin.end();
  // What was shown when it was killed may not have been acknowledged yet: it may come again, but nothing is left out.
  const bodies = bodiesOf((await second.outcome()).stdout);
  assert.deepEqual(
    bodies.filter((body) => body !== "one"),
    ["two"],
  );
});

test("two chats of one user at once both get everything, each once", async (context) => {
  const { startChat, send } = await chats(context);
  const first = startChat("bob");
  await send("alice", "bob", "one");
  await shows(first, "alice: one");
  const second = startChat("bob");
  await second.stderr.until(() => second.stderr.text.includes("another"), "the notice about the device");
  await send("alice", "bob", "two");
  await Promise.all([shows(first, "alice: two"), shows(second, "alice: two")]);
  for (const chat of [first, second]) chat.child.stdin.end();
  assert.deepEqual(bodiesOf((await first.outcome()).stdout), ["one", "two"]);
  assert.deepEqual(bodiesOf((await second.outcome()).stdout), ["two"]);
});

test("what was written while the server was away is sent by the next chat", async (context) => {
  const { server, startChat, chat } = await chats(context);
  const first = startChat("alice", "--to", "bob");
  first.child.stdin.write("before\n");
  await shows(first, "alice → bob: before");
  await server.kill();
  await first.stderr.until(() => first.stderr.text.includes("offline"), "the loss to be told");
  first.child.stdin.end("while away\n");
  const { code, stderr } = await first.outcome();
  assert.equal(code, exitCodes.failed);
  assert.match(stderr, /1 message was not answered by the server; the next chat sends what is missing/);
  await server.start();
  const next = startChat("alice");
  await next.stderr.until(() => next.stderr.text.includes("an earlier message to bob"), "the message to be sent");
  next.child.stdin.end();
  assert.equal((await next.outcome()).code, 0);
  const { stdout } = await chat(["bob", "--history", "9", "--to", "alice"], "");
  assert.deepEqual(bodiesOf(stdout).slice(-2), ["before", "while away"]);
});
