/** How fast connections come, and what each costs the server in memory when nothing is said on it. */
import type { Figures } from "../figures.ts";
import { residentBytes } from "../targets/process-figures.ts";
import { dialectOf } from "./dialects.ts";
import { delay, inParallel } from "./timing.ts";
import type { Idle, WorkloadOf } from "./workload.ts";

const atOnce = 100;

/** The server is to be a new one: memory that it has already had is not counted. */
export async function idle(workload: WorkloadOf<Idle>): Promise<Figures> {
  const { dialect: name, durability, ports, connections, settleMs, serverPid, run } = workload;
  const dialect = dialectOf(name, durability, run);
  const port = ports[name] ?? 0;
  const before = residentBytes(serverPid);
  const began = performance.now();
  await inParallel(connections, (index) => dialect.join(port, `r${run}-${index}`, { heard: () => {} }), atOnce);
  const connectSeconds = (performance.now() - began) / 1000;
  await delay(settleMs);
  return { connectSeconds, kibEach: (residentBytes(serverPid) - before) / 1024 / connections };
}
