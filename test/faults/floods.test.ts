/**
 * Floods (reliability.md, fault 11): garbage at full speed, and connections as fast as they can be had, on each listener in
 * turn while two people talk. They lose nothing and wait a bounded time, the process is the same, and what it held for the
 * flood it does not hold afterwards.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { FuzzedServer } from "../fuzz/fuzzed-server.ts";
import { type FuzzedListener, fuzzedListeners } from "../fuzz/listeners.ts";
import { encodeUnit, readRecordings } from "../fuzz/recording.ts";
import { SteadyPair } from "../fuzz/steady-pair.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const floodMs = 700;
const flooders = 4;
const openAtOnce = 64;
const heldOpen = 400;
/** Generous for two cores that server and flood share. */
const maxLatencyMs = 5_000;
/** Journal and checkpoint, as in the fuzz; a connection that was not forgotten costs some 10 kB. */
const slackBytes = 48 * 1024 * 1024;

const host = "127.0.0.1";

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host, noDelay: true });
  socket.on("error", () => socket.destroy()).resume();
  await either(socket, "connect");
  return socket;
}

/** Resolves when it happens, or the connection ends, or nothing does for a moment. */
function either(socket: Socket, event: "connect" | "drain"): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 200);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    socket.once(event, done).once("close", done);
  });
}

/** Writes garbage as fast as it is taken, on a new connection whenever one ends. Returns how many bytes were written. */
async function floodStream(
  { name, carrier, port }: FuzzedListener,
  server: FuzzedServer,
  until: number,
): Promise<number> {
  const [unit] = readRecordings(name, carrier)[0]?.units ?? [];
  // Past the first request, where there is one.
  const opening = unit && carrier === "websocket" ? encodeUnit(unit, carrier) : Buffer.alloc(0);
  const garbage = randomBytes(65_536);
  let written = 0;
  while (Date.now() < until) {
    const socket = await open(port(server.ports));
    socket.write(opening);
    while (Date.now() < until && !socket.destroyed) {
      written += garbage.length;
      if (!socket.write(garbage)) await either(socket, "drain");
      else await new Promise(setImmediate);
    }
    socket.destroy();
  }
  return written;
}

async function floodDatagrams({ port }: FuzzedListener, server: FuzzedServer, until: number): Promise<number> {
  const socket = createSocket("udp4");
  socket.on("error", () => {});
  const garbage = randomBytes(1400);
  const valid = Buffer.from('{"message_id":"ping","message_content":{"sender_username":"nobody"}}');
  let written = 0;
  while (Date.now() < until) {
    for (const bytes of [garbage, valid]) {
      socket.send(bytes, port(server.ports), host, () => {});
      written += bytes.length;
    }
    // The pair lives in this process too.
    await new Promise(setImmediate);
  }
  socket.close();
  return written;
}

/** Opens connections as fast as they are had, holding some. Returns how many there were. */
async function floodConnections({ port }: FuzzedListener, server: FuzzedServer, until: number): Promise<number> {
  const held: Socket[] = [];
  let count = 0;
  const worker = async () => {
    while (Date.now() < until) {
      held.push(await open(port(server.ports)));
      count += 1;
      if (held.length > heldOpen) held.shift()?.destroy();
    }
  };
  await Promise.all(Array.from({ length: openAtOnce }, worker));
  for (const socket of held) socket.destroy();
  return count;
}

async function undisturbedBy(
  t: TestContext,
  listeners: readonly FuzzedListener[],
  flood: (listener: FuzzedListener, server: FuzzedServer) => Promise<string>,
): Promise<void> {
  const server = await FuzzedServer.start(join(temporaryDirectory(t), "data"));
  t.after(() => server.process.kill("SIGKILL"));
  const { pid } = server.process;
  const pair = await SteadyPair.start(server.ports.tcp);
  const [first] = listeners;
  assert.ok(first);
  await flood(first, server);
  const before = await settled(server);
  for (const listener of listeners) {
    const received = pair.received;
    const what = await flood(listener, server);
    assert.equal(server.exit, undefined, `${listener.name} ended the server: ${server.process.stderr.slice(-1000)}`);
    t.diagnostic(`${listener.name}: ${what}; the pair received ${pair.received - received} messages`);
  }
  const after = await settled(server);
  const { lost, duplicated, reordered, misdelivered, faults, maxMs, p99Ms, received } = await pair.stop();
  t.diagnostic(
    `the pair received ${received}, p99 ${Math.round(p99Ms)} ms, longest ${Math.round(maxMs)} ms; ` +
      `held ${Math.round(before / 2 ** 20)} → ${Math.round(after / 2 ** 20)} MiB`,
  );
  const found = { lost, duplicated, reordered, misdelivered, faults, bugs: server.bugs() };
  assert.deepEqual(found, { lost: [], duplicated: [], reordered: [], misdelivered: [], faults: [], bugs: [] });
  assert.ok(maxMs < maxLatencyMs, `a message took ${Math.round(maxMs)} ms`);
  assert.ok(after - before < slackBytes, `${after - before} bytes more are held after the floods`);
  assert.equal(server.process.pid, pid);
  assert.equal(await server.process.stop(), 0);
}

/** The least of some looks: what the flood held is let go of within moments. */
async function settled(server: FuzzedServer): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 4; look++) {
    await sleep(300);
    least = Math.min(least, (await server.memory())?.heldBytes ?? least);
  }
  return least;
}

const isStream = ({ carrier }: FuzzedListener) => carrier !== "datagram";

describe("two people talk", () => {
  it("through garbage at full speed on every listener", { timeout: 90_000 }, async (t) => {
    await undisturbedBy(t, fuzzedListeners, async (listener, server) => {
      const until = Date.now() + floodMs;
      const flood = isStream(listener) ? floodStream : floodDatagrams;
      const written = await Promise.all(Array.from({ length: flooders }, () => flood(listener, server, until)));
      return `${(written.reduce((sum, bytes) => sum + bytes, 0) / 2 ** 20).toFixed(0)} MiB of garbage`;
    });
  });

  it("through floods of connections on every listener that has any", { timeout: 90_000 }, async (t) => {
    await undisturbedBy(t, fuzzedListeners.filter(isStream), async (listener, server) => {
      const count = await floodConnections(listener, server, Date.now() + floodMs);
      return `${count} connections`;
    });
  });
});
