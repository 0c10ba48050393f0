/** The generator against a real server: every kind of load through each of Parley's four protocols, short and small. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Figures } from "../../bench/figures.ts";
import { generate } from "../../bench/generator-process.ts";
import { type ParleyProtocol, parleyProtocols, type Work } from "../../bench/load/workload.ts";
import { plainWs } from "../../bench/targets/node-peers.ts";
import { parley } from "../../bench/targets/parley.ts";
import type { RunningTarget } from "../../bench/targets/target.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const root = new URL("../..", import.meta.url).pathname;
const never = new AbortController().signal;
const short = { kind: "flow", warmUpMs: 100, measureMs: 300 } as const;

let server: RunningTarget;
before(async () => {
  server = await parley({ root }).start();
});
after(() => server.stop());

let runs = 0;
function measure(dialect: ParleyProtocol, work: Work, signal = never): Promise<Figures> {
  const { ports, pid } = server;
  return generate({ ...work, dialect, ports, serverPid: pid, durability: "fsync", run: `t${runs++}` }, signal);
}

/** One of a figure that has to be there. */
function figure(figures: Figures, name: keyof Figures): number {
  const value = figures[name];
  assert.ok(value !== undefined && Number.isFinite(value), `${name} in ${JSON.stringify(figures)}`);
  return value;
}

// Protocols at once, and one after the other what is said through one of them: `framed-tcp` has one room for all.
describe("load", { concurrency: true }, () => {
  for (const protocol of parleyProtocols)
    describe(protocol, { concurrency: false }, () => {
      it("direct messages: what is sent is delivered", async () => {
        const measured = await measure(protocol, { ...short, shape: "direct", size: 4, inFlight: 4, rate: 0 });
        assert.ok(figure(measured, "perSecond") > 50);
        const share = figure(measured, "deliveriesPerSecond") / figure(measured, "perSecond");
        assert.ok(share > 0.5 && share < 2, `${share} deliveries a message`);
        const busy = figure(measured, "generatorBusy");
        assert.ok(busy > 0 && busy <= 1);
        assert.equal(measured.p99Ms, undefined);
      });

      it("at a rate: so many messages leave, and their latencies are in order", async () => {
        const rate = 200;
        const measured = await measure(protocol, {
          ...short,
          measureMs: 500,
          shape: "direct",
          size: 4,
          inFlight: 0,
          rate,
        });
        const reached = figure(measured, "deliveriesPerSecond");
        assert.ok(reached > rate / 10 && reached < rate * 2, `${reached}/s`);
        const latencies = (["p50Ms", "p99Ms", "p999Ms", "maxMs"] as const).map((name) => figure(measured, name));
        assert.ok((latencies[0] ?? 0) > 0);
        assert.deepEqual(
          latencies,
          latencies.toSorted((a, b) => a - b),
        );
      });

      it("fan-out: more is delivered than is sent, to all alike", async () => {
        const measured = await measure(protocol, { ...short, shape: "fan-out", size: 5, inFlight: 4, rate: 0 });
        assert.ok(figure(measured, "deliveriesPerSecond") > 50);
      });
    });
});

it("a drain hands each protocol's users all that waited for them, once", async () => {
  // At once, for they rest a while between filling and returning.
  const all = parleyProtocols.map((protocol) => measure(protocol, { kind: "drain", users: 5, messagesEach: 100 }));
  for (const measured of await Promise.all(all)) {
    const seconds = figure(measured, "drainSeconds");
    assert.ok(seconds > 0);
    assert.equal(Math.round(figure(measured, "perSecond") * seconds), 500);
  }
});

it("idle connections take time and memory", async () => {
  const measured = await measure("native-tcp", { kind: "idle", connections: 200, settleMs: 100 });
  assert.ok(figure(measured, "connectSeconds") > 0);
  assert.ok("kibEach" in measured);
});

it("chat: every line of a log reaches everybody else, whatever bytes it is of", async (context) => {
  const log = join(temporaryDirectory(context), "log.txt");
  const lines = [
    "<Ann> hello",
    '<L0sT[x]> a "quote", a \\ and a tab\t',
    "<böb> \xe9\xff",
    "<Ann> böb: ~",
    "* böb waves",
  ];
  writeFileSync(log, Buffer.from(`${lines.map((line) => `[12:00] ${line}`).join("\n")}\n`, "latin1"));
  for (const protocol of parleyProtocols) {
    const measured = await measure(protocol, { kind: "chat", files: [log], inFlight: 2 });
    const receivers = figure(measured, "deliveriesPerSecond") / figure(measured, "perSecond");
    assert.equal(Math.round(receivers), 2, `${protocol}: three people, and nobody hears himself`);
  }
});

it("a peer is measured in the same way", async () => {
  const peer = await plainWs.start();
  try {
    const { ports, pid } = peer;
    const setting = { dialect: "ws", ports, serverPid: pid, durability: "memory", run: "t" } as const;
    const direct = await generate({ ...short, ...setting, shape: "direct", size: 4, inFlight: 4, rate: 0 }, never);
    assert.ok(figure(direct, "perSecond") > 50);
    const fanOut = await generate(
      { ...short, ...setting, run: "u", shape: "fan-out", size: 5, inFlight: 4, rate: 0 },
      never,
    );
    assert.ok(figure(fanOut, "deliveriesPerSecond") > 50);
  } finally {
    await peer.stop();
  }
});

it("what the server refuses is a failure, not a figure", async () => {
  const noRoom = { ...server.ports, "native-tcp": server.ports["peer-json"] ?? 0 };
  const work = { ...short, shape: "direct", size: 1, inFlight: 1, rate: 0 } as const;
  const workload = {
    ...work,
    dialect: "native-tcp",
    ports: noRoom,
    serverPid: server.pid,
    durability: "fsync",
    run: "x",
  } as const;
  await assert.rejects(generate(workload, never), /the generator ended with 1: .*hung up/s);
});

it("a generator ends when it is told to", async () => {
  const abort = new AbortController();
  const endless = measure(
    "native-tcp",
    { ...short, measureMs: 60_000, shape: "direct", size: 1, inFlight: 1, rate: 0 },
    abort.signal,
  );
  setTimeout(() => abort.abort(), 200);
  await assert.rejects(endless, { name: "AbortError" });
});
