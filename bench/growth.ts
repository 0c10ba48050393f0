/**
 * `npm run bench:growth`: what a message costs when the store is full. Fills a store through the engine, measures
 * appends and reads on an empty and on the full store in the same way, and how long opening takes. Processor time
 * beside wall time: on a shared machine it is the steadier of the two.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { LogName } from "@parley/protocol";
import { LevelEngine } from "../packages/server/src/engine/level/level-engine.ts";
import { appendMessages } from "./stored-messages.ts";

const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "10000000" },
    users: { type: "string", default: "10000" },
    help: { type: "boolean", default: false },
  },
});
const usage = `npm run bench:growth -- [--messages 10000000] [--users 10000]

Direct messages of 100 bytes between random users, each with a clientId and a copy in the sender's log.`;

const measured = 200_000;
const users = Number(values.users);

interface Cost {
  readonly perSecond: number;
  readonly cpuMicroseconds: number;
}

async function cost(count: number, work: () => Promise<number>): Promise<Cost> {
  const cpu = process.cpuUsage();
  const began = performance.now();
  const done = await work();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: (done || count) / seconds, cpuMicroseconds: (user + system) / (done || count) };
}

/** Reads the last 100 entries of many logs, as returning devices do. Returns how many entries that were. */
async function read(engine: LevelEngine): Promise<number> {
  let entries = 0;
  for (let i = 0; i < 2000; i++) {
    const log = `user-${(i * 31) % users}` as LogName;
    const { tail } = await engine.head(log);
    entries += (await engine.read(log, Math.max(0, tail - 100), "forward", 100)).length;
  }
  return entries;
}

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "parley-growth-"));
  const total = Number(values.messages);
  try {
    let engine = await LevelEngine.open({ directory, newEpoch: () => "bench" });
    // The first messages warm up the code; what follows is the empty store's cost.
    await appendMessages(engine, users, 0, measured);
    const emptyAppend = await cost(measured, () =>
      appendMessages(engine, users, measured, measured).then(() => measured),
    );
    const emptyRead = await cost(0, () => read(engine));
    for (let n = 2 * measured; n < total; n += measured) {
      await appendMessages(engine, users, n, Math.min(measured, total - n));
      if (process.stderr.isTTY || n % (5 * measured) === 0)
        process.stderr.write(`\r${((n / total) * 100).toFixed(0)}% `);
    }
    process.stderr.write("\r");
    const fullAppend = await cost(measured, () => appendMessages(engine, users, total, measured).then(() => measured));
    const fullRead = await cost(0, () => read(engine));
    await engine.close();
    const began = performance.now();
    engine = await LevelEngine.open({ directory, newEpoch: () => "bench" });
    const openMs = performance.now() - began;
    await engine.close();
    report("append", emptyAppend, fullAppend);
    report("read", emptyRead, fullRead);
    console.log(`opening a store of ${total} messages: ${(openMs / 1000).toFixed(2)} s`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function report(what: string, empty: Cost, full: Cost): void {
  const line = ({ perSecond, cpuMicroseconds }: Cost) =>
    `${Math.round(perSecond / 1000)} k/s, ${cpuMicroseconds.toFixed(1)} µs of processor`;
  const ratio = (full.cpuMicroseconds / empty.cpuMicroseconds).toFixed(2);
  const wall = (empty.perSecond / full.perSecond).toFixed(2);
  console.log(
    `${what.padEnd(7)} empty: ${line(empty)}   full: ${line(full)}   ratio ${ratio} (processor), ${wall} (time)`,
  );
}

if (values.help) console.log(usage);
else await main();
