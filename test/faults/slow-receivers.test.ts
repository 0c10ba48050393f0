/**
 * P7: a receiver that never reads costs the server bounded memory and delays nobody; when it reads again it gets
 * everything, in order.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { freePorts } from "../support/free-ports.ts";
import { RawSession } from "../support/raw-session.ts";
import { startServer } from "../support/server-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const lines = 1500;
const body = "x".repeat(60_000);
const room = "#room";
const inFlight = 8;
/** 90 MB were sent past it. The garbage collector's mood is about 40 MiB. */
const maxCostBytes = 64 * 1024 * 1024;

function residentBytes(pid: number): number {
  const [, kilobytes = "0"] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) * 1024;
}

async function member(port: number, user: string): Promise<RawSession> {
  const session = await RawSession.login(port, user, { device: "d", window: 65_536 });
  session.send({ op: "join", room });
  await session.next("ok");
  return session;
}

/** Resolves when the session has all lines; checks their order. */
function all(session: RawSession): Promise<void> {
  let expected = 1;
  return new Promise((resolve, reject) => {
    session.onMessage((message) => {
      if (message.op !== "message") return;
      if (message.seq !== expected) reject(new Error(`got seq ${message.seq} for ${expected}`));
      if (message.body.length !== body.length)
        reject(new Error(`seq ${message.seq} has ${message.body.length} characters`));
      session.send({ op: "ack", log: room, seq: message.seq });
      if (expected++ === lines) resolve();
    });
  });
}

/** Sends all lines to the room and returns the server's highest memory; with a member that does not read, or without. */
async function traffic(t: TestContext, withFrozen: boolean): Promise<number> {
  const [wsPort = 0, tcpPort = 0] = await freePorts(2);
  const server = await startServer({ dataDir: join(temporaryDirectory(t), String(withFrozen)), wsPort, tcpPort });
  t.after(() => server.kill("SIGKILL"));
  const frozen = withFrozen ? [await member(tcpPort, "frozen")] : [];
  const others = await Promise.all([1, 2, 3].map((n) => member(tcpPort, `other-${n}`)));
  const sender = await member(tcpPort, "sender");
  for (const session of frozen) session.socket.pause();
  const received = others.map(all);
  let answered = 0;
  let highest = 0;
  await new Promise<void>((resolve) => {
    sender.onMessage((message) => {
      if (message.op !== "ok") return;
      answered += 1;
      highest = Math.max(highest, residentBytes(server.pid));
      if (answered <= lines - inFlight) sender.send({ op: "send", to: room, body });
      if (answered === lines) resolve();
    });
    for (let i = 0; i < inFlight; i++) sender.send({ op: "send", to: room, body });
  });
  await Promise.all(received);

  const awake = frozen.map(all);
  for (const session of frozen) session.socket.resume();
  await Promise.all(awake);
  for (const session of [...frozen, sender, ...others]) session.close();
  assert.equal(await server.stop(), 0);
  return highest;
}

it(`sends ${lines} lines of 60 kB past a receiver that never reads`, { timeout: 120_000 }, async (t) => {
  const without = await traffic(t, false);
  const withFrozen = await traffic(t, true);
  const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);
  t.diagnostic(`server memory: at most ${mebibytes(without)} MiB without it, ${mebibytes(withFrozen)} MiB with it`);
  assert.ok(withFrozen - without < maxCostBytes, `it costs ${mebibytes(withFrozen - without)} MiB`);
});
