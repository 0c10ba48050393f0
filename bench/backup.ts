/**
 * `npm run bench:backup`: how long a backup of a full store takes, how large it is, what appends meanwhile wait for, and how
 * long restoring takes.
 */
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout } from "node:timers/promises";
import { LevelEngine } from "../packages/server/src/engine/level/level-engine.ts";
import { restoreStore } from "../packages/server/src/engine/level/restore.ts";
import { appendMessages } from "./stored-messages.ts";

const total = Number(process.argv[2] ?? 1_000_000);
const users = 10_000;
/** Appends while it is measured: ten, twenty times a second. */
const burst = 10;
const everyMs = 50;

/** Appends bursts until `until` has settled; resolves with how long each took, in milliseconds, ascending. */
async function latencies(engine: LevelEngine, from: number, until: Promise<unknown>): Promise<number[]> {
  let running = true;
  const ended = until.finally(() => {
    running = false;
  });
  const taken: number[] = [];
  for (let next = from; running; next += burst) {
    const began = performance.now();
    await appendMessages(engine, users, next, burst);
    taken.push(performance.now() - began);
    await setTimeout(everyMs);
  }
  await ended;
  return taken.sort((a, b) => a - b);
}

function report(what: string, taken: readonly number[]): void {
  const at = (share: number) => (taken[Math.floor(share * (taken.length - 1))] ?? 0).toFixed(1);
  console.log(`appends ${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms (${taken.length} bursts)`);
}

const base = mkdtempSync(join(tmpdir(), "parley-backup-"));
try {
  const engine = await LevelEngine.open({ directory: join(base, "store"), newEpoch: () => "bench" });
  await appendMessages(engine, users, 0, total);
  await setTimeout(2000);
  report("without a backup", await latencies(engine, total, setTimeout(5000)));
  const file = join(base, "file");
  const began = performance.now();
  const written = pipeline(engine.backup(), createWriteStream(file, { flush: true }));
  report("during the backup", await latencies(engine, 2 * total, written));
  const seconds = (performance.now() - began) / 1000;
  console.log(`backup of ${total} messages: ${seconds.toFixed(1)} s, ${(statSync(file).size / 1e6).toFixed(0)} MB`);
  await engine.close();
  const start = performance.now();
  await restoreStore(createReadStream(file), join(base, "restored"), () => "restored");
  console.log(`restoring: ${((performance.now() - start) / 1000).toFixed(1)} s`);
} finally {
  rmSync(base, { recursive: true, force: true });
}
