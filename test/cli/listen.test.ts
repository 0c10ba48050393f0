/** `parley listen`: every message once as a line of JSON, and where it stopped is where it goes on. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { type Context, linesOf, parley, startParley, testServer } from "./parley-process.ts";

/** A server, bob who listens, and alice who sends numbered messages to him. */
async function subscription(context: Context) {
  const server = await testServer(context);
  const login = (user: string) => ["--url", server.wsUrl, "--user", user];
  await parley(context, ["users", ...login("bob")]);
  return {
    server,
    listenArgs: (...args: readonly string[]) => ["listen", ...login("bob"), ...args],
    send: async (from: number, to: number, padding = 0) => {
      const bodies = Array.from({ length: to - from + 1 }, (_, index) => String(from + index).padEnd(padding, "."));
      const outcome = await parley(context, ["send", ...login("alice"), "bob", "--lines"], {
        input: bodies.join("\n"),
      });
      assert.equal(outcome.code, 0, outcome.stderr);
    },
    login,
  };
}

function numbers(stdout: string): number[] {
  return linesOf(stdout).map((line) => Number.parseInt(JSON.parse(line).body, 10));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

test("--count and --once end it, and the device goes on where it stopped", async (context) => {
  const { listenArgs, send } = await subscription(context);
  await send(1, 10);
  const first = await parley(context, listenArgs("--device", "d", "--count", "4"));
  assert.deepEqual([first.code, first.stderr, numbers(first.stdout)], [0, "", range(1, 4)]);
  const second = await parley(context, listenArgs("--device", "d", "--once"));
  assert.deepEqual([second.code, numbers(second.stdout)], [0, range(5, 10)]);
  const third = await parley(context, listenArgs("--device", "d", "--once"));
  assert.deepEqual([third.code, third.stdout], [0, ""]);
});

test("a line has the fields of the protocol's message", async (context) => {
  const { listenArgs, send } = await subscription(context);
  await send(1, 1);
  const { stdout } = await parley(context, listenArgs("--once"));
  const { op, log, epoch, seq, id, from, to, ts, body } = JSON.parse(stdout);
  assert.deepEqual([op, log, seq, from, to, body], ["message", "bob", 1, "alice", "bob", "1"]);
  assert.ok(epoch.length > 0 && id.length === 36 && Math.abs(ts - Date.now()) < 60_000);
});

for (const signal of ["SIGINT", "SIGTERM"] as const)
  test(`${signal} ends it cleanly, with nothing lost or repeated`, async (context) => {
    const { listenArgs, send } = await subscription(context);
    const listener = startParley(context, listenArgs("--device", "d"));
    await send(1, 5);
    await listener.stdout.until(() => numbers(listener.stdout.text).length === 5, "five messages");
    listener.child.kill(signal);
    const { code, stderr } = await listener.outcome();
    assert.deepEqual([code, stderr, numbers(listener.stdout.text)], [0, "", range(1, 5)]);
    await send(6, 7);
    assert.deepEqual(numbers((await parley(context, listenArgs("--device", "d", "--once"))).stdout), [6, 7]);
  });

test("a reader that goes away ends it quietly; what it did not get comes again", async (context) => {
  const { listenArgs, send } = await subscription(context);
  const listener = startParley(context, listenArgs("--device", "d"));
  await send(1, 2);
  await listener.stdout.until(() => numbers(listener.stdout.text).length === 2, "two messages");
  listener.child.stdout.destroy();
  await once(listener.child.stdout, "close");
  await send(3, 3);
  const { code, stderr } = await listener.outcome();
  assert.deepEqual([code, stderr], [0, ""]);
  assert.deepEqual(numbers((await parley(context, listenArgs("--device", "d", "--once"))).stdout), [3]);
});

test("a reader that stands still holds the acknowledgements up, and Ctrl-C works all the same", async (context) => {
  const { listenArgs, send } = await subscription(context);
  const count = 1_000;
  await send(1, count, 1_000);
  const listener = startParley(context, listenArgs("--device", "d"));
  // The first lines show that it is under way; then nothing reads any more, and the pipe is full.
  await listener.stdout.until(() => listener.stdout.text !== "", "the first lines");
  listener.child.stdout.pause();
  listener.child.kill("SIGTERM");
  const [code] = await once(listener.child, "exit", { signal: AbortSignal.timeout(15_000) });
  assert.equal(code, 0);
  const rest = numbers((await parley(context, listenArgs("--device", "d", "--once"))).stdout);
  // A pipe and the buffers at its ends take a few hundred kilobytes at most.
  assert.ok(rest.length > count / 2, `only ${rest.length} of ${count} were left`);
  assert.deepEqual(rest, range(count - rest.length + 1, count));
});

test("a server that is killed and comes back costs no message", async (context) => {
  const { server, listenArgs, send } = await subscription(context);
  const listener = startParley(context, listenArgs("--device", "d", "--count", "4"));
  await send(1, 2);
  await listener.stdout.until(() => numbers(listener.stdout.text).length === 2, "two messages");
  await server.kill();
  await listener.stderr.until(() => listener.stderr.text.includes("offline"), "the loss to be told");
  await server.start();
  await send(3, 4);
  assert.equal((await listener.outcome()).code, 0);
  assert.deepEqual(numbers(listener.stdout.text), range(1, 4));
  assert.match(listener.stderr.text, /^parley: offline .*trying again …\nparley: connected again\n$/);
});

test("--room joins, and the room's messages come", async (context) => {
  const { listenArgs, login } = await subscription(context);
  const listener = startParley(context, listenArgs("--room", "#ops", "--count", "1"));
  const isMember = async () =>
    (await parley(context, ["users", ...login("bob"), "--room", "#ops"])).stdout.includes("bob");
  for (let attempt = 0; !(await isMember()); attempt++) assert.ok(attempt < 50, "bob did not join");
  await parley(context, ["listen", ...login("alice"), "--room", "#ops", "--once"]);
  assert.equal((await parley(context, ["send", ...login("alice"), "#ops", "fire"])).code, 0);
  const { code, stdout } = await listener.outcome();
  assert.equal(code, 0);
  const { log, from, body } = JSON.parse(stdout);
  assert.deepEqual([log, from, body], ["#ops", "alice", "fire"]);
});

test("a second listener of the same device ends the first with exit code 1", async (context) => {
  const { listenArgs, send } = await subscription(context);
  const listener = startParley(context, listenArgs("--device", "d"));
  await send(1, 1);
  await listener.stdout.until(() => listener.stdout.text.includes("\n"), "the first to be online");
  const second = await parley(context, listenArgs("--device", "d", "--once"));
  assert.equal(second.code, 0);
  const { code, stderr } = await listener.outcome();
  assert.equal(code, 1);
  assert.match(stderr, /same device name/);
});
