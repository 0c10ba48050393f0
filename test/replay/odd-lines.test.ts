/**
 * Odd lines are carried faithfully: played against a server of this test, whose history is then read and compared with
 * the file's bytes, without any of the replay's own checks.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { nodeTransport } from "@parley/client/node";
import { freePorts } from "../support/free-ports.ts";
import { openClient } from "../support/open-client.ts";
import { startServer } from "../support/server-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { replay } from "./replay-command.ts";

interface Carried {
  readonly from: string;
  readonly type: string | undefined;
  readonly body: string;
}

/** Lines as bytes in latin1, with what must come of them; `undefined`: nothing that is said. */
const lines: readonly (readonly [string, Carried | undefined])[] = [
  ["=== NeoXed [n=a@b] has joined #ubuntu", undefined],
  ["=== neoxed [n=a@b] has joined #ubuntu", undefined],
  ["[00:01] <NeoXed> neoxed: hi", { from: "NeoXed..24", type: undefined, body: "neoxed: hi" }],
  ["[00:01] <neoxed> NeoXed, hi", { from: "neoxed", type: undefined, body: "NeoXed, hi" }],
  ["[00:02] <L0sT[x]> caf\xe9 \xff\xfe", { from: "L0sT.5bx.5d..a", type: undefined, body: "caf\xe9 \xff\xfe" }],
  ["[00:02] <caf\xc3\xa9> caf\xc3\xa9", { from: "caf.c3.a9", type: undefined, body: "caf\xc3\xa9" }],
  ["[00:02] <caf\xe9> \xef\xbb\xbf", { from: "caf.e9", type: undefined, body: "\xef\xbb\xbf" }],
  ["[00:03] <a> \x00\x03\x1b[31m\x7f \r", { from: "a", type: undefined, body: "\x00\x03\x1b[31m\x7f \r" }],
  ["[00:03] <a> \xed\xa0\x80", { from: "a", type: undefined, body: "\xed\xa0\x80" }],
  [`[00:04] <a> ${"x".repeat(1_200_000)}`, { from: "a", type: undefined, body: "x".repeat(1_200_000) }],
  ["[00:05] <a>", { from: "a", type: undefined, body: "" }],
  ["[00:05]  * a waves", { from: "a", type: "action", body: "waves" }],
  ["=== a laughs", { from: "a", type: "action", body: "laughs" }],
  ["=== mode/#ubuntu [+o x]  by y", { from: "..log", type: "note", body: "=== mode/#ubuntu [+o x]  by y" }],
  ["no line of a log", { from: "..log", type: "note", body: "no line of a log" }],
  ["", undefined],
  ["[00:06] <__proto__> constructor: x", { from: "__proto__", type: undefined, body: "constructor: x" }],
  ["[00:06] <*> star", { from: ".2a", type: undefined, body: "star" }],
];

test("what is odd in a log is in the room as it was in the file", async (context) => {
  const directory = temporaryDirectory(context);
  const [wsPort = 0, tcpPort = 0] = await freePorts(2);
  const env = { PARLEY_LIMITS_MAX_BODY_BYTES: "2000000" };
  const server = await startServer({ dataDir: join(directory, "data"), wsPort, tcpPort, env });
  context.after(() => server.kill());
  const file = join(directory, "odd.txt");
  writeFileSync(file, lines.map(([line]) => line).join("\n"), "latin1");
  const result = await replay(["--url", server.wsUrl, "--url", server.tcpUrl, file]);
  assert.equal(result.code, 0, `${result.stdout}\n${result.stderr}`);
  const expected = lines.flatMap(([, carried]) => carried ?? []);
  assert.equal(result.count("sent"), expected.length + 2);
  const room = /#ubuntu\.[0-9a-f]+\.1/.exec(result.stdout)?.[0] ?? "";
  const found = await roomHistory(context, server.tcpUrl, room);
  for (const name of new Set(expected.map(({ from }) => from))) {
    const by = (all: readonly Carried[]) => all.filter(({ from }) => from === name);
    assert.deepEqual(by(found), by(expected));
  }
  assert.equal(found.length, expected.length);
});

/** Everything in the room, bodies as one character per byte. */
async function roomHistory(t: TestContext, url: string, room: string): Promise<Carried[]> {
  const client = openClient(t, { url, transport: nodeTransport(), user: "reader" });
  await client.connect();
  await client.join(room);
  const all: Carried[] = [];
  for await (const { messages } of client.historyPages(room, { after: 0 }))
    for (const { from, type, bytes } of messages) all.push({ from, type, body: Buffer.from(bytes).toString("latin1") });
  return all;
}
