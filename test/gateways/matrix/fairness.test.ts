/**
 * A receiver that never reads, in a room where 1,500 lines of 60 kB are said: all others get them as fast as without it,
 * the server's memory stays bounded, and it gets everything, in order, when it wakes. For each protocol on a stream.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { freePorts } from "../../support/free-ports.ts";
import { startServer } from "../../support/server-process.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { joinRoom, type Ports, room, type Way, ways } from "./ways.ts";

const lines = 1500;
const filler = "x".repeat(60_000);
/** It is 73 to 97 MB (docs/performance.md, "A receiver that never reads"); a loaded machine collects later. */
const maxGrowthBytes = 110e6;
/** Lines that are said before somebody else has heard them. */
const ahead = 16;

function residentBytes(pid: number): number {
  const [, kilobytes = "0"] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) * 1024;
}

class Listener {
  heard = 0;
  wrong = "";
  #waiting: { count: number; resolve: () => void }[] = [];

  readonly hear = ({ body }: { body: string }): void => {
    const n = Number(body.slice(0, 8));
    if (n !== this.heard || body.length !== filler.length + 8) this.wrong ||= `line ${n} instead of ${this.heard}`;
    this.heard += 1;
    this.#waiting = this.#waiting.filter(({ count, resolve }) => count > this.heard || resolve());
  };

  until(count: number): Promise<void> {
    if (this.heard >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }
}

async function crowd(t: TestContext, way: Way) {
  const [http = 0, tcp = 0, other = 0] = await freePorts(3);
  const ports: Ports = { http, tcp, peerJson: other, framedTcp: other, deviceText: other, udp: 0 };
  // The one that is not a listener of its own has no port of its own.
  const port = `PARLEY_${way.name.toUpperCase().replace("-", "_")}_PORT`;
  const env: Record<string, string> = way.name === "push" ? {} : { [port]: String(other) };
  const gateways = `native-tcp,native-websocket,${way.name}`;
  const server = await startServer({ dataDir: temporaryDirectory(t), wsPort: http, tcpPort: tcp, gateways, env });
  t.after(() => server.kill("SIGKILL"));
  const arrive = async (name: string, listener: Listener) => {
    const presence = await way.arrive(ports, name, listener.hear);
    await joinRoom(ports, presence.name);
    return presence;
  };
  return { server, arrive };
}

describe("past a receiver that never reads", () => {
  for (const way of ways.filter(({ isStream }) => isStream)) {
    it(way.name, { timeout: 120_000 }, async (t) => {
      const { server, arrive } = await crowd(t, way);
      const listeners = Array.from({ length: 3 }, () => new Listener());
      for (const [i, listener] of listeners.entries()) await arrive(`reader-${i}`, listener);
      const sleeper = new Listener();
      const frozen = await arrive("sleeper", sleeper);
      const sender = await arrive("sender", new Listener());
      frozen.socket?.pause();
      const before = residentBytes(server.pid);
      let highest = before;
      const began = performance.now();
      for (let n = 0; n < lines; n++) {
        await sender.say(room, String(n).padStart(8, "0") + filler);
        await Promise.all(listeners.map((listener) => listener.until(n - ahead)));
        if (n % 10 === 0) highest = Math.max(highest, residentBytes(server.pid));
      }
      await Promise.all(listeners.map((listener) => listener.until(lines)));
      const seconds = (performance.now() - began) / 1000;
      assert.ok(sleeper.heard < lines / 2, `the sleeper was asleep, and heard ${sleeper.heard} lines`);
      frozen.socket?.resume();
      await sleeper.until(lines);
      highest = Math.max(highest, residentBytes(server.pid));
      for (const { wrong, heard } of [...listeners, sleeper]) assert.deepEqual([heard, wrong], [lines, ""]);
      const grown = Math.round((highest - before) / 1e6);
      t.diagnostic(`${way.name}: ${lines} lines to 3 readers in ${seconds.toFixed(1)} s, memory grew by ${grown} MB`);
      assert.ok(highest - before < maxGrowthBytes, `memory grew by ${grown} MB`);
    });
  }
});
