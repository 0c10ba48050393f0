/**
 * `npm run bench`: durable direct messages over the native protocol, the server on one core and the generator on
 * another, medians of several rounds. Prints what was reached and the latency at half of it.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Measured, Scenario } from "./generator.ts";
import { pinned, processorMs, startServer, stopServer } from "./server-under-test.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "4" },
    carrier: { type: "string", default: "tcp,ws" },
    shape: { type: "string", default: "50x8,500x2" },
    durability: { type: "string", default: "fsync" },
    help: { type: "boolean", default: false },
  },
});

const usage = `npm run bench -- [--rounds 3] [--seconds 4] [--carrier tcp,ws] [--shape 50x8,500x2] [--durability fsync|memory]

Direct messages of 100 bytes with clientId and the copy in the sender's log. A shape is PAIRSxIN-FLIGHT. Each round
measures the closed loop, then latency at half of the rate that was reached, with scheduled send times.`;

async function generate(scenario: Scenario): Promise<Measured> {
  const [command, args] = pinned(1, process.execPath, ["bench/generator.ts", JSON.stringify(scenario)]);
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  for await (const chunk of child.stdout) output += chunk;
  return JSON.parse(output) as Measured;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

/** One server and one store for the whole scenario, as in life. */
async function measure(carrier: "tcp" | "ws", shape: string): Promise<void> {
  const [pairs = 0, inFlight = 0] = shape.split("x").map(Number);
  const dataDir = mkdtempSync(join(tmpdir(), "parley-bench-"));
  const server = await startServer(dataDir);
  const base = {
    carrier,
    port: server[carrier],
    pairs,
    inFlight,
    durability: values.durability as Scenario["durability"],
    warmUpMs: 1500,
  };
  const reached: Measured[] = [];
  const atHalf: Measured[] = [];
  const costs: number[] = [];
  try {
    for (let round = 0; round < Number(values.rounds); round++) {
      const before = processorMs(server.process.pid);
      const full = await generate({ ...base, rate: 0, measureMs: Number(values.seconds) * 1000 });
      // The warm-up's messages count too: the rate is taken to be the same.
      const messages = full.deliveredPerSecond * (Number(values.seconds) + base.warmUpMs / 1000);
      costs.push((1000 * (processorMs(server.process.pid) - before)) / messages);
      reached.push(full);
      atHalf.push(
        await generate({ ...base, rate: full.deliveredPerSecond / 2, measureMs: Number(values.seconds) * 1000 }),
      );
    }
  } finally {
    await stopServer(server);
    rmSync(dataDir, { recursive: true, force: true });
  }
  report(`${carrier} ${shape} ${values.durability}`, reached, atHalf, costs);
}

function report(
  name: string,
  reached: readonly Measured[],
  atHalf: readonly Measured[],
  costs: readonly number[],
): void {
  const rate = median(reached.map((one) => Math.min(one.acknowledgedPerSecond, one.deliveredPerSecond)));
  const all = reached.map(({ deliveredPerSecond }) => Math.round(deliveredPerSecond / 1000)).join(" ");
  const half = median(atHalf.map(({ deliveredPerSecond }) => deliveredPerSecond));
  const ms = (pick: (latency: Measured["latencyMs"]) => number) =>
    median(atHalf.map(({ latencyMs }) => pick(latencyMs))).toFixed(1);
  const busy = Math.round(100 * median(reached.map(({ generatorBusy }) => generatorBusy)));
  console.log(
    `${name.padEnd(20)} ${(rate / 1000).toFixed(1).padStart(6)} k/s stored, acknowledged, delivered (rounds ${all}; ${median(costs).toFixed(0)} µs of processor each; generator ${busy}% busy)` +
      `  at ${(half / 1000).toFixed(0)} k/s: p50 ${ms(({ p50 }) => p50)} ms, p99 ${ms(({ p99 }) => p99)} ms, p99.9 ${ms(({ p999 }) => p999)} ms`,
  );
}

if (values.help) console.log(usage);
else
  for (const shape of values.shape.split(","))
    for (const carrier of values.carrier.split(",")) await measure(carrier as "tcp" | "ws", shape);
