/**
 * `npm run soak:fuzz`: the fuzz with 100,000 inputs, or as many as `--inputs` says; `--seed` repeats a run. Ends with 1 where
 * anything was disturbed. On a shared machine: `flock LOCK npm run soak:fuzz`.
 */
import { randomInt } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { faultsOf, fuzz } from "./fuzz-run.ts";

const { values } = parseArgs({ options: { inputs: { type: "string", default: "100000" }, seed: { type: "string" } } });
const seed = Number(values.seed ?? randomInt(2 ** 31));
const inputs = Number(values.inputs);
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(inputs) || inputs < 1) {
  console.error("usage: npm run soak:fuzz -- [--inputs N] [--seed N]");
  process.exit(2);
}
console.log(`${inputs} inputs, --seed ${seed}`);
const dataDir = mkdtempSync(join(tmpdir(), "parley-fuzz-"));
const mebibytes = (bytes = 0) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
const began = Date.now();
try {
  const report = await fuzz({
    dataDir,
    seed,
    inputs,
    onProgress: (done) => {
      if (done % 5000 === 0) console.log(`${done} after ${Math.round((Date.now() - began) / 1000)} s`);
    },
  });
  const { memory, sent, received, inputsPerSecond, p50Ms, p99Ms, maxMs } = report;
  console.log(`${inputs} inputs at ${inputsPerSecond}/s; the pair sent ${sent} and received ${received} messages`);
  console.log(`latency p50 ${p50Ms.toFixed(1)}, p99 ${p99Ms.toFixed(1)}, longest ${maxMs.toFixed(0)} ms`);
  for (const [when, held] of Object.entries(memory))
    console.log(
      `${when}: held ${mebibytes(held?.heldBytes)}, resident ${mebibytes(held?.residentBytes)}, ${held?.users} users`,
    );
  const faults = Object.entries(faultsOf(report)).filter(([, found]) => found.length > 0);
  for (const [what, found] of faults) console.error(`${what}: ${found.slice(0, 10).join("\n")}`);
  if (faults.length > 0) process.exitCode = 1;
  else console.log("nothing was disturbed");
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}
