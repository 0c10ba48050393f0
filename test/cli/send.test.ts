/** `parley send`: what is on the command line or in the input arrives as it is, and the exit code tells the truth. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { exitCodes } from "../../packages/server/src/cli/exit-codes.ts";
import { type Context, linesOf, parley, type Surroundings, testServer } from "./parley-process.ts";

/** A server on which alice and bob are known, and how alice sends and bob looks. */
async function correspondence(context: Context) {
  const server = await testServer(context);
  const login = (user: string) => ["--url", server.wsUrl, "--user", user];
  await parley(context, ["users", ...login("bob")]);
  return {
    server,
    send: (args: readonly string[], surroundings?: Surroundings) =>
      parley(context, ["send", ...login("alice"), ...args], surroundings),
    bobHas: async (): Promise<Record<string, unknown>[]> => {
      const { stdout } = await parley(context, ["history", ...login("bob"), "--json", "--limit", "10000"]);
      return linesOf(stdout).map((line) => JSON.parse(line));
    },
  };
}

test("words on the command line are one message, whose id is printed", async (context) => {
  const { send, bobHas } = await correspondence(context);
  const { code, stdout, stderr } = await send(["bob", "Lunch", "at noon?"]);
  assert.deepEqual([code, stderr], [0, ""]);
  const [message] = await bobHas();
  assert.equal(stdout, `${message?.id}\n`);
  assert.deepEqual([message?.from, message?.to, message?.body], ["alice", "bob", "Lunch at noon?"]);
});

test("standard input is one message without its last line break, or exactly", async (context) => {
  const { send, bobHas } = await correspondence(context);
  await send(["bob"], { input: "one\ntwo\n" });
  await send(["bob", "--exact"], { input: "one\ntwo\n" });
  assert.deepEqual(
    (await bobHas()).map(({ body }) => body),
    ["one\ntwo", "one\ntwo\n"],
  );
});

test("what is not UTF-8 is sent as bytes, whole", async (context) => {
  const { send, bobHas } = await correspondence(context);
  const input = Buffer.from([0x61, 0xff, 0x00, 0x0a]);
  await send(["bob"], { input });
  const [message] = await bobHas();
  assert.deepEqual([message?.encoding, message?.contentType], ["base64", "application/octet-stream"]);
  assert.deepEqual(Buffer.from(String(message?.body), "base64"), input);
});

test("--lines sends each line in order and prints an id for each", async (context) => {
  const { send, bobHas } = await correspondence(context);
  const lines = Array.from({ length: 700 }, (_, index) => `line ${index}`);
  lines[3] = "";
  const input = Buffer.concat([Buffer.from(`${lines.join("\n")}\n`), Buffer.from([0xfe, 0x0a]), Buffer.from("last")]);
  const { code, stdout } = await send(["bob", "--lines"], { input });
  assert.equal(code, 0);
  const messages = await bobHas();
  assert.deepEqual(
    messages.map(({ body }) => body),
    [...lines, "/g==", "last"],
  );
  assert.deepEqual(
    linesOf(stdout),
    messages.map(({ id }) => id),
  );
});

test("what is refused ends with exit code 1 and the server's reason", async (context) => {
  const { send } = await correspondence(context);
  const toNobody = await send(["nobody", "hi"]);
  assert.deepEqual([toNobody.code, toNobody.stdout], [exitCodes.failed, ""]);
  assert.match(toNobody.stderr, /^parley: .*nobody/);
  const lines = await send(["#nowhere", "--lines"], { input: "a\nb\n" });
  assert.equal(lines.code, exitCodes.failed);
  assert.match(lines.stderr, /^parley: line 1 was not sent, nor were 1 after it\nparley: .*#nowhere/);
});

test("the options travel with the message", async (context) => {
  const { send, bobHas } = await correspondence(context);
  const options = ["--type", "alarm", "--content-type", "application/json", "--ttl", "1h", "--receipt", "--no-copy"];
  const { stdout } = await send(["bob", "{}", ...options, "--durability", "memory", "--client-id", "mine-1", "--json"]);
  const ok = JSON.parse(stdout);
  assert.equal(ok.op, "ok");
  assert.deepEqual(
    ok.positions.map(({ log }: { log: string }) => log),
    ["bob"],
  );
  const [message] = await bobHas();
  const { type, contentType, receipt, clientId, ts, expiresAt } = message as Record<string, number>;
  assert.deepEqual([type, contentType, receipt, clientId], ["alarm", "application/json", true, "mine-1"]);
  assert.equal(Number(expiresAt) - Number(ts), 3_600_000);
});

test("the same --client-id twice is stored once", async (context) => {
  const { send, bobHas } = await correspondence(context);
  const first = await send(["bob", "once", "--client-id", "job-7"]);
  const second = await send(["bob", "once", "--client-id", "job-7"]);
  assert.equal(first.stdout, second.stdout);
  assert.equal((await bobHas()).length, 1);
  const other = await send(["bob", "twice", "--client-id", "job-7"]);
  assert.equal(other.code, exitCodes.failed);
  assert.match(other.stderr, /client_id_reused/);
});

test("several recipients get one message, over TCP as well", async (context) => {
  const { server, send, bobHas } = await correspondence(context);
  const { code, stdout } = await send(["bob,alice,*", "Done.", "--json", "--url", server.tcpUrl]);
  assert.equal(code, 0);
  assert.deepEqual(
    JSON.parse(stdout).recipients.map(({ to }: { to: string }) => to),
    ["bob", "alice", "*"],
  );
  assert.deepEqual((await bobHas())[0]?.to, ["bob", "alice", "*"]);
});
