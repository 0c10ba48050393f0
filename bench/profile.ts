/**
 * `npm run bench:profile`: where a message's microseconds go. Runs direct messages against a server that records a processor
 * profile, and sums it up by the parts of a message's way (ARCHITECTURE.md).
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { generate } from "./generator-process.ts";
import { type ParleyProtocol, parleyProtocols, type Workload } from "./load/workload.ts";
import { type Profile, partsOf } from "./profile-parts.ts";
import { parley } from "./targets/parley.ts";

const { values } = parseArgs({
  options: {
    protocol: { type: "string", default: "peer-json" },
    pairs: { type: "string", default: "50" },
    "in-flight": { type: "string", default: "8" },
    seconds: { type: "string", default: "6" },
    root: { type: "string", default: "." },
    help: { type: "boolean", default: false },
  },
});

const usage = `npm run bench:profile -- [--protocol peer-json] [--pairs 50] [--in-flight 8] [--seconds 6] [--root .]

Direct messages through one protocol (${parleyProtocols.join(", ")}), the server with a sampling profiler, which
takes some of its time. Prints the microseconds of the server's main thread that each part of a message's way takes, of the
last SECONDS. ROOT is another checkout of Parley to look at instead.`;

const warmUpMs = 5_000;

/** Runs the load; resolves with messages per second and the server's profile. */
async function record(protocol: ParleyProtocol): Promise<{ readonly perSecond: number; readonly profile: Profile }> {
  const directory = mkdtempSync(join(tmpdir(), "parley-profile-"));
  const { signal } = new AbortController();
  try {
    const server = await parley({ root: resolve(values.root), profiles: directory }).start(signal);
    const workload: Workload = {
      kind: "flow",
      shape: "direct",
      dialect: protocol,
      ports: server.ports,
      serverPid: server.pid,
      durability: "fsync",
      run: "0",
      size: Number(values.pairs),
      inFlight: Number(values["in-flight"]),
      rate: 0,
      warmUpMs,
      measureMs: Number(values.seconds) * 1000,
    };
    const { perSecond = 0 } = await generate(workload, signal).finally(() => server.stop());
    const [file = ""] = readdirSync(directory);
    return { perSecond, profile: JSON.parse(readFileSync(join(directory, file), "utf8")) as Profile };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

if (values.help) console.log(usage);
else if (!parleyProtocols.some((name) => name === values.protocol)) {
  console.error(`there is no protocol "${values.protocol}": ${parleyProtocols.join(", ")}`);
  process.exitCode = 2;
} else {
  const { perSecond, profile } = await record(values.protocol as ParleyProtocol);
  const seconds = Number(values.seconds);
  console.log(
    `${values.protocol}, ${values.pairs} pairs × ${values["in-flight"]}: ${Math.round(perSecond)} messages/s while it was profiled`,
  );
  for (const { part, us } of partsOf(profile, seconds))
    console.log(`${(us / (perSecond * seconds)).toFixed(2).padStart(7)} µs  ${part}`);
}
