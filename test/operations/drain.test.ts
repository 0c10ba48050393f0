/**
 * SIGTERM in mid-flight: nothing that was acknowledged is lost, nothing comes twice to an application, everybody is
 * answered and told to come back, and the server ends within its limit, whoever does not read.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { type Client, createClient } from "@parley/client";
import { nodeTransport } from "@parley/client/node";
import { until } from "../../packages/client/testing/wait.ts";
import { loadConfig } from "../../packages/server/src/config.ts";
import type { Append, Engine } from "../../packages/server/src/engine/engine.ts";
import { startServer as startHere } from "../../packages/server/src/server.ts";
import { startNativeServer } from "../native/native-server.ts";
import { shakeHands } from "../native/web-socket-link.ts";
import { freePorts } from "../support/free-ports.ts";
import { RawSession } from "../support/raw-session.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const pairs = 8;
const limitSeconds = 6;
const bigBody = "x".repeat(200_000);

interface Pair {
  readonly sender: Client;
  readonly receiver: Client;
  /** What the sender was told is stored. */
  readonly stored: string[];
  /** What the receiving application was given, in order. */
  readonly heard: string[];
  /** Sends without end, a few at a time, until called. */
  stop(): Promise<void>;
}

async function startPair(t: TestContext, url: string, n: number): Promise<Pair> {
  const open = async (user: string) => {
    const client = createClient({ url, user, device: "d", transport: nodeTransport(), backoff: { capMs: 300 } });
    t.after(() => client.close());
    return client;
  };
  const receiver = await open(`receiver-${n}`);
  const heard: string[] = [];
  receiver.on("message", ({ body }) => void heard.push(body.toString()));
  await receiver.connect();
  const sender = await open(`sender-${n}`);
  await sender.connect();
  const stored: string[] = [];
  let sending = true;
  const send = async (lane: number) => {
    for (let count = 0; sending; count++) {
      const body = `${n}-${lane}-${count}`;
      await sender.send(`receiver-${n}`, body);
      stored.push(body);
    }
  };
  const lanes = [0, 1, 2, 3].map(send);
  const stop = async () => {
    sending = false;
    await Promise.all(lanes);
  };
  return { sender, receiver, stored, heard, stop };
}

/** Sessions that read nothing, with much more on the way to them than sockets hold. */
async function freeze(port: number): Promise<void> {
  const frozen = await RawSession.login(port, "frozen", { device: "d", window: 65_536 });
  frozen.socket.pause();
  const talker = await RawSession.login(port, "talker", { device: "d" });
  for (let count = 0; count < 40; count++) talker.send({ op: "send", to: "frozen", body: bigBody });
  for (let count = 0; count < 40; count++) await talker.next("ok");
  talker.close();
}

async function timed(work: Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work;
  return performance.now() - began;
}

describe("SIGTERM while clients send and receive", () => {
  it("loses nothing, doubles nothing, and ends in time with exit code 0, frozen receivers or not", async (t) => {
    const [wsPort = 0, tcpPort = 0] = await freePorts(2);
    const env = { PARLEY_DRAIN_SECONDS: String(limitSeconds) };
    const options = { dataDir: join(temporaryDirectory(t), "data"), wsPort, tcpPort, env };
    let server: ServerProcess = await startServer(options);
    t.after(() => server.kill());
    const urls = [`tcp://127.0.0.1:${tcpPort}`, `ws://127.0.0.1:${wsPort}`];
    const all = await Promise.all(Array.from({ length: pairs }, (_, n) => startPair(t, urls[n % 2] as string, n)));
    for (let round = 0; round < 3; round++) {
      await freeze(tcpPort);
      const before = all.map(({ stored }) => stored.length);
      await until("everybody to be in mid-flight", () =>
        all.every(({ stored }, n) => stored.length > (before[n] ?? 0) + 20),
      );
      const ms = await timed(server.stop().then((code) => assert.equal(code, 0, server.stderr)));
      assert.ok(ms < limitSeconds * 1000, `${Math.round(ms)} ms`);
      assert.match(server.stderr, /"msg":"drained"/);
      assert.doesNotMatch(server.stderr, /"level":"error"/);
      server = await startServer(options);
    }
    await Promise.all(all.map(({ stop }) => stop()));
    for (const [n, { stored, heard }] of all.entries()) {
      await until(`pair ${n} to have everything`, () => heard.length >= stored.length, 20_000);
      assert.deepEqual(heard.toSorted(), stored.toSorted(), `pair ${n}`);
    }
    t.diagnostic(`${all.reduce((sum, { stored }) => sum + stored.length, 0)} messages over three restarts`);
  });

  it("ends at once at a second signal, with the exit code of a forced end", async (t) => {
    const [wsPort = 0, tcpPort = 0] = await freePorts(2);
    const server = await startServer({ dataDir: join(temporaryDirectory(t), "data"), wsPort, tcpPort });
    t.after(() => server.kill());
    await freeze(tcpPort);
    process.kill(server.pid, "SIGTERM");
    await until("it to drain", () => server.stderr.includes('"msg":"draining"'));
    process.kill(server.pid, "SIGTERM");
    assert.equal(await server.ended, 4);
  });
});

/** An engine that takes its time: `release` lets go of the appends that came since `hold`. */
function holdAppends(): { wrap(engine: Engine): Engine; hold(): void; release(): void } {
  let held: Append[] | undefined;
  let append: Engine["append"] = () => {};
  return {
    wrap: (engine) => {
      append = engine.append.bind(engine);
      return new Proxy(engine, {
        get: (target, name) => {
          if (name === "append") return (one: Append) => (held ? void held.push(one) : append(one));
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    },
    hold: () => {
      held = [];
    },
    release: () => {
      const waiting = held ?? [];
      held = undefined;
      for (const one of waiting) append(one);
    },
  };
}

describe("a server that drains", () => {
  it("is not ready, lets nobody in, and answers what was asked before it says goodbye", async (t) => {
    const slow = holdAppends();
    const server = await startNativeServer(t, {}, { wrapEngine: slow.wrap });
    const http = `http://127.0.0.1:${server.webSocketPort}`;
    assert.equal((await fetch(`${http}/readyz`)).status, 200);
    const alice = await RawSession.login(server.tcpPort, "alice", { device: "d" });
    slow.hold();
    alice.send({ op: "send", to: "alice", body: "in flight", clientId: "c1" });
    alice.send({ op: "ping" });
    await alice.next("pong");
    const stopped = server.stop();
    const ready = await fetch(`${http}/readyz`);
    assert.equal(ready.status, 503);
    assert.deepEqual(await ready.json(), { status: "not ready", reasons: ["the server is going down"] });
    assert.equal((await fetch(`${http}/healthz`)).status, 200);
    assert.match(await (await fetch(`${http}/metrics`)).text(), /^parley_ready 0$/m);
    assert.equal((await fetch(`${http}/v1/openapi.json`)).status, 503);
    const upgrade = await shakeHands(server.webSocketPort);
    assert.equal(upgrade.status, 503);
    upgrade.socket.destroy();
    const [refused] = await once(connect(server.tcpPort, "127.0.0.1"), "error");
    assert.equal(refused.code, "ECONNREFUSED");
    assert.equal(alice.closed, false);
    slow.release();
    assert.equal((await alice.next("ok")).clientId, "c1");
    assert.equal((await alice.next("bye")).code, "shutting_down");
    await stopped;
  });

  it("rejects where the store does not close within the limit", async (t) => {
    const flags = { engine: "memory", gateways: "native-tcp", "nativeTcp.port": 0, "http.port": 0, "drain.seconds": 1 };
    const loaded = loadConfig({ environment: {}, flags });
    assert.ok(loaded.ok);
    let close = () => {};
    const wrapEngine = (engine: Engine): Engine => {
      close = () => void engine.close();
      return new Proxy(engine, {
        get: (target, name) => {
          if (name === "close") return () => new Promise(() => {});
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    };
    const server = await startHere(loaded.config, { log: { error: (message) => assert.fail(message) }, wrapEngine });
    t.after(close);
    await assert.rejects(server.stop(), { name: "DrainTimeout" });
  });
});
