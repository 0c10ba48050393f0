/**
 * The client's process is killed (`kill -9`) again and again while it sends and receives, with a file for its state.
 * What it had saved it sends under the same ids when it comes back; what it had handled and saved it is not handed
 * again; and what it was handed twice (it died between handling and saving) carries the same position both times.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { filePersistence, nodeTransport } from "@parley/client/node";
import { until } from "../../packages/client/testing/wait.ts";
import { freePorts } from "../support/free-ports.ts";
import { openClient } from "../support/open-client.ts";
import { startServer } from "../support/server-process.ts";

const kills = 8;
const application = fileURLToPath(new URL("crashing-application.ts", import.meta.url));

const linesOf = (path: string) => (existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : []);

/** Runs the application until each record has `progress` more lines, then kills it. */
async function runAndKill(args: readonly string[], records: readonly string[], progress: number): Promise<void> {
  const child = spawn(process.execPath, [application, ...args], { stdio: ["ignore", "inherit", "inherit"] });
  const ended = once(child, "close");
  const goals = records.map((path) => ({ path, lines: linesOf(path).length + progress }));
  const isDone = () => goals.every(({ path, lines }) => linesOf(path).length >= lines);
  try {
    await until("the application makes progress", () => child.exitCode !== null || isDone());
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
  assert.equal(child.signalCode, "SIGKILL", "the application ended by itself");
}

test("a process that is killed again and again loses nothing, and sends nothing twice", {
  timeout: 60_000,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "parley-crash-"));
  const [wsPort = 0, tcpPort = 0] = await freePorts(2);
  const server = await startServer({ dataDir: join(folder, "data"), wsPort, tcpPort });
  const [journal, received, sent] = ["journal", "received", "sent"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];

  const peer = openClient(context, { url: server.wsUrl, user: "peer", device: "only" });
  const fromApp: number[] = [];
  peer.on("message", ({ body }) => fromApp.push(Number(body)));
  await peer.connect();

  // "app" has to be known before one can send to it, and its device must be there before what it is to receive.
  const first = openClient(context, {
    url: server.tcpUrl,
    user: "app",
    transport: nodeTransport(),
    persistence: filePersistence(journal),
  });
  await first.connect();
  await first.close();

  let toApp = 0;
  let isSending = true;
  const sending = (async () => {
    while (isSending)
      await Promise.all(Array.from({ length: 10 }, () => peer.send("app", String(toApp++), { copy: false })));
  })();
  const args = [server.tcpUrl, journal, received, sent];
  for (let kill = 0; kill < kills; kill++) await runAndKill(args, [received, sent], 20 + 7 * kill);
  isSending = false;
  await sending;
  await runAndKill(args, [sent], 60);

  // What the last process left unsent, the next client of the same journal sends, and gets what is still to come.
  const last = openClient(context, {
    url: server.tcpUrl,
    user: "app",
    transport: nodeTransport(),
    persistence: filePersistence(journal),
  });
  const rest: string[] = [];
  last.on("message", ({ epoch, seq, body }) => rest.push(`${epoch} ${seq} ${body}`));
  await last.connect();
  const handed = () => [...linesOf(received), ...rest];
  await until("all was received", () => new Set(handed()).size >= toApp);
  await last.flush();
  const lastCounter = linesOf(sent).length - 1;
  await until("all was sent", () => fromApp.includes(lastCounter));
  await Promise.all([last.close(), peer.close()]);
  await server.stop();

  const lines = handed();
  const bodies = [...new Set(lines)].map((line) => Number(line.split(" ")[2]));
  context.diagnostic(
    `${kills + 1} kills, ${lines.length} handed for ${toApp} sent, ${fromApp.length} arrived from the application`,
  );
  // The rule of `maxUnsaved`: a crash repeats no more than that.
  assert.ok(lines.length - toApp <= (kills + 1) * 64, "a crash repeats more than it may");
  assert.deepEqual(
    bodies,
    Array.from({ length: toApp }, (_, index) => index),
    "each once, in order, by position",
  );
  assert.deepEqual(
    fromApp.slice(0, lastCounter + 1),
    Array.from({ length: lastCounter + 1 }, (_, index) => index),
  );
  assert.equal(new Set(fromApp).size, fromApp.length, "nothing arrived twice");
  rmSync(folder, { recursive: true });
});
