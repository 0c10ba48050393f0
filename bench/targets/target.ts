/** A server that can be measured, and one that runs: a process of its own, on one core where there is a `taskset`. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";

export interface Target {
  readonly name: string;
  /** What it has done with a message when it says so, or hands it on. */
  readonly promise: string;
  /** Why it cannot be started on this machine; undefined where it can. */
  missing(): string | undefined;
  /** Starts it on an empty store; resolves when it can be connected to. Ends it again where `signal` says so meanwhile. */
  start(signal?: AbortSignal): Promise<RunningTarget>;
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

/** Where commands are looked for: this Node first, and where Debian puts servers. */
const searchPath = [dirname(process.execPath), process.env.PATH, "/usr/sbin"].join(delimiter);

/** Whether a command is there, by asking it for its version. */
export function isInstalled(command: string, ask: string): boolean {
  const env = { ...process.env, PATH: searchPath };
  return spawnSync(command, [ask], { stdio: "ignore", env }).error === undefined;
}

export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly ports: Readonly<Record<string, number>>;
  /** Removed at the end. */
  readonly directory: string;
  readonly signal?: AbortSignal;
}

const patienceMs = 30_000;

/** Starts a server on its core; resolves when all its ports accept connections, rejects when it ends before. */
export async function launch(options: Launch): Promise<RunningTarget> {
  const { command, args, env, cwd, ports, directory, signal } = options;
  const [file, all] = pinned(serverCore, command, args);
  const child = spawn(file, all, {
    env: { ...process.env, PATH: searchPath, ...env },
    cwd,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const killChild = () => child.kill("SIGKILL");
  process.once("exit", killChild);
  let said = "";
  child.stderr.on("data", (text) => {
    said = (said + text).slice(-4096);
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()).once("error", () => resolve()));
  const stop = async () => {
    end(child);
    await ended;
    process.off("exit", killChild);
    await rm(directory, { recursive: true, force: true });
  };
  const failed = ended.then(() => Promise.reject(new Error(`${command} ended: ${said.trim()}`)));
  failed.catch(() => {});
  try {
    await Promise.race([Promise.all(Object.values(ports).map((port) => accepting(port, signal))), failed]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: child.pid as number, ports, stop };
}

function end(child: ChildProcess): void {
  child.kill("SIGTERM");
  setTimeout(() => child.kill("SIGKILL"), patienceMs).unref();
}

async function accepting(port: number, signal: AbortSignal | undefined): Promise<void> {
  const until = performance.now() + patienceMs;
  while (performance.now() < until) {
    signal?.throwIfAborted();
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
