/** A server that can be measured, and one that runs: a process of its own, on one core where there is a `taskset`. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Target {
  readonly name: string;
  /** What it has done with a message when it says so, or hands it on. */
  readonly promise: string;
  /** Starts it on an empty store; resolves when it can be connected to. */
  start(): Promise<RunningTarget>;
}

export interface RunningTarget {
  readonly pid: number;
  /** By what listens there. */
  readonly ports: Readonly<Record<string, number>>;
  /** Ends it and removes what it stored. */
  stop(): Promise<void>;
}

/** The cores of the server and of the generator. */
export const serverCore = 0;
export const generatorCore = 1;

/** The command, on one core where there is a `taskset`. */
export function pinned(core: number, command: string, args: readonly string[]): [string, string[]] {
  try {
    execFileSync("taskset", ["-c", String(core), "true"], { stdio: "ignore" });
    return ["taskset", ["-c", String(core), command, ...args]];
  } catch {
    return [command, [...args]];
  }
}

/** Whether a command is there, by asking it for its version. */
export function isInstalled(command: string, ask: string): boolean {
  return spawnSync(command, [ask], { stdio: "ignore" }).error === undefined;
}

export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly ports: Readonly<Record<string, number>>;
  /** Removed at the end. */
  readonly directory: string;
}

const patienceMs = 30_000;

/** Starts a server on its core; resolves when all its ports accept connections, rejects when it ends before. */
export async function launch({ command, args, env, cwd, ports, directory }: Launch): Promise<RunningTarget> {
  const [file, all] = pinned(serverCore, command, args);
  const child = spawn(file, all, { env: { ...process.env, ...env }, cwd, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (text) => {
    said = (said + text).slice(-4096);
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const failed = ended.then(() => Promise.reject(new Error(`${command} ended: ${said}`)));
  failed.catch(() => {});
  await Promise.race([Promise.all(Object.values(ports).map(accepting)), failed]);
  return {
    pid: child.pid as number,
    ports,
    stop: async () => {
      end(child);
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function end(child: ChildProcess): void {
  child.kill("SIGTERM");
  setTimeout(() => child.kill("SIGKILL"), patienceMs).unref();
}

async function accepting(port: number): Promise<void> {
  const until = performance.now() + patienceMs;
  while (performance.now() < until) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on port ${port}`);
}

/** A directory of its own for what a server keeps. */
export function storeDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), "parley-bench-"));
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
