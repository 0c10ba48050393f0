/** The server that a benchmark measures: a process of its own, on one core where there is a `taskset`. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { freePorts } from "../test/support/server-process.ts";

export interface ServerUnderTest {
  readonly process: ChildProcess;
  /** Ports of the carriers. */
  readonly tcp: number;
  readonly ws: number;
  readonly peerJson: number;
}

/** The command, on one core where there is a `taskset`. */
export function pinned(core: number, command: string, args: readonly string[]): [string, string[]] {
  try {
    execFileSync("taskset", ["-c", String(core), "true"], { stdio: "ignore" });
    return ["taskset", ["-c", String(core), command, ...args]];
  } catch {
    return [command, [...args]];
  }
}

/** Starts `parley serve` on the first core, with the gateways that are measured. Resolves when it is ready. */
export async function startServer(dataDir: string): Promise<ServerUnderTest> {
  const [ws = 0, tcp = 0, peerJson = 0] = await freePorts(3);
  const where = ["--data-dir", dataDir, "--ws-port", String(ws), "--tcp-port", String(tcp)];
  const gateways = ["--gateways", "native-websocket,native-tcp,peer-json"];
  const [command, args] = pinned(0, "packages/server/bin/parley.js", ["serve", ...where, ...gateways]);
  const env = { ...process.env, PARLEY_PEER_JSON_PORT: String(peerJson) };
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout }))
    if (line.startsWith("ready")) return { process: child, ws, tcp, peerJson };
  throw new Error("the server did not start");
}

/** Ends the server in good order; resolves when it is gone. */
export async function stopServer({ process: child }: ServerUnderTest): Promise<void> {
  child.kill("SIGTERM");
  await new Promise((resolve) => child.once("exit", resolve));
}

/** Processor time that a process has used, in ms; NaN where there is no /proc. Ticks are 10 ms on Linux. */
export function processorMs(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return Number.NaN;
  }
}

/** Memory that a process holds (resident set), in bytes; NaN where there is no /proc. */
export function residentBytes(pid: number | undefined): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
  } catch {
    return Number.NaN;
  }
}
