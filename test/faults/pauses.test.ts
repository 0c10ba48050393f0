/**
 * A server that is stopped for a while (SIGSTOP: a laptop that sleeps, a virtual machine that is moved), and one whose clock
 * is set forward and back: nobody loses, doubles or reorders anything, and nobody who was there is taken for gone
 * (reliability.md, faults 6 and 10).
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SteadyPair } from "../fuzz/steady-pair.ts";
import { freePorts } from "../support/free-ports.ts";
import { RawSession } from "../support/raw-session.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { needTool } from "../support/system-tool.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const idleMs = 1_500;

async function start(t: TestContext, env: Record<string, string>): Promise<{ server: ServerProcess; tcpPort: number }> {
  const [wsPort = 0, tcpPort = 0] = await freePorts(2);
  const server = await startServer({ dataDir: join(temporaryDirectory(t), "data"), wsPort, tcpPort, env });
  t.after(() => server.kill("SIGKILL"));
  return { server, tcpPort };
}

/** Waits until the pair has exchanged some more messages: it is served. */
async function served(pair: SteadyPair): Promise<void> {
  const enough = pair.received + 40;
  for (const end = Date.now() + 15_000; pair.received < enough; await sleep(5))
    assert.ok(Date.now() < end, `the pair is not served: ${pair.received} messages`);
}

async function assertUndisturbed(t: TestContext, pair: SteadyPair): Promise<void> {
  const { sent, received, maxMs, lost, duplicated, reordered, misdelivered, faults } = await pair.stop();
  t.diagnostic(`sent ${sent}, received ${received}, longest ${Math.round(maxMs)} ms`);
  const found = { lost, duplicated, reordered, misdelivered, faults };
  assert.deepEqual(found, { lost: [], duplicated: [], reordered: [], misdelivered: [], faults: [] });
}

describe("a server that is stopped and goes on", () => {
  for (const pauseMs of [1_000, 4 * idleMs])
    it(`after ${pauseMs} ms, with ${idleMs} ms for who is idle, has lost nobody and nothing`, {
      timeout: 60_000,
    }, async (t) => {
      const { server, tcpPort } = await start(t, { PARLEY_LIMITS_IDLE_MS: String(idleMs) });
      const pair = await SteadyPair.start(tcpPort);
      for (let round = 0; round < 2; round++) {
        await served(pair);
        process.kill(server.pid, "SIGSTOP");
        await sleep(pauseMs);
        process.kill(server.pid, "SIGCONT");
      }
      await served(pair);
      await assertUndisturbed(t, pair);
      assert.equal(await server.stop(), 0);
    });
});

describe("a clock that is set", () => {
  it("a day forward, two back and to the year 2100 changes nothing for who talks", { timeout: 60_000 }, async (t) => {
    needTool({ probe: ["faketime", "-f", "+0d", "true"], package: "faketime" });
    const offset = join(temporaryDirectory(t), "offset");
    writeFileSync(offset, "+0d");
    const { server, tcpPort } = await start(t, {
      // "$LIB" is the loader's word for where libraries are on this architecture.
      LD_PRELOAD: "/usr/$LIB/faketime/libfaketimeMT.so.1",
      FAKETIME_TIMESTAMP_FILE: offset,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    });
    const watcher = await RawSession.login(tcpPort, "watcher", { device: "d" });
    const timeOf = async () => {
      watcher.send({ op: "ping" });
      return (await watcher.next("pong")).ts;
    };
    const send = async (clientId: string) => {
      watcher.send({ op: "send", clientId, to: "watcher", body: "once", copy: false });
      return watcher.next("ok");
    };
    const first = await send("first");
    const pair = await SteadyPair.start(tcpPort);
    const day = 24 * 3_600_000;
    for (const [text, milliseconds] of [
      ["+1d", day],
      ["-2d", -2 * day],
      ["+0d", 0],
      ["+27000d", 27_000 * day],
      ["-20000d", -20_000 * day],
    ] as const) {
      await served(pair);
      writeFileSync(offset, text);
      const off = (await timeOf()) - Date.now() - milliseconds;
      assert.ok(Math.abs(off) < 10_000, `the server's clock is not at ${text}: ${off} ms off`);
      const again = await send("first");
      assert.deepEqual({ id: again.id, duplicate: again.duplicate }, { id: first.id, duplicate: true }, text);
      await send(`at ${text}`.replace(" ", ""));
    }
    await served(pair);
    await assertUndisturbed(t, pair);
    watcher.close();
    assert.equal(await server.stop(), 0);
    assert.doesNotMatch(server.stderr, /bug/);
  });
});
