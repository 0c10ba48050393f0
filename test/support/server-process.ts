/**
 * Runs `parley serve` as a child process, the way an operator does, so that tests can take it away with `kill -9` and
 * bring it back on the same data and ports. Resolves when the server says that it is ready; never leaves a child behind.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter, dirname } from "node:path";
import { fileURLToPath } from "node:url";

const binary = fileURLToPath(new URL("../../packages/server/bin/parley.js", import.meta.url));
const host = "127.0.0.1";
const readyTimeoutMs = 20_000;
const stopTimeoutMs = 10_000;

export interface ServerOptions {
  readonly dataDir: string;
  readonly wsPort: number;
  readonly tcpPort: number;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** What to run instead of the `parley` command: a script that takes the same arguments. */
  readonly entry?: string;
  /** As `--gateways` takes them; only those on the two ports unless given. */
  readonly gateways?: string;
  /** Further arguments of `parley serve`. */
  readonly args?: readonly string[];
}

export interface ServerProcess {
  readonly pid: number;
  readonly wsUrl: string;
  readonly tcpUrl: string;
  /** Everything it has printed so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves when the process has ended, by whomever. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Sends a signal and resolves when the process has ended, with its exit code or the signal that ended it. */
  kill(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
  /** Ends it in good order (SIGTERM). Rejects when it does not go, after having killed it. */
  stop(): Promise<number | NodeJS.Signals>;
}

/** The gateways on the two ports that every test server has. */
const nativeOnly = "native-websocket,native-tcp";

/** Starts `parley serve`; resolves when it is ready, rejects with its output when it ends before that. */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const { dataDir, wsPort, tcpPort, env = {}, args = [], entry, gateways = nativeOnly } = options;
  const ports = ["--ws-port", String(wsPort), "--tcp-port", String(tcpPort), "--gateways", gateways];
  // As people run it: by its first line, which sets what Node is started with. A script has no such line.
  const [command, first] = entry === undefined ? [binary, []] : [process.execPath, [entry]];
  const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`;
  const child = spawn(command, [...first, "serve", "--data-dir", dataDir, "--host", host, ...ports, ...args], {
    env: { ...process.env, PATH: path, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const server = new RunningServer(child, `ws://${host}:${wsPort}`, `tcp://${host}:${tcpPort}`);
  await server.ready();
  return server;
}

class RunningServer implements ServerProcess {
  readonly #child: ChildProcess;
  readonly wsUrl: string;
  readonly tcpUrl: string;
  readonly ended: Promise<number | NodeJS.Signals>;
  stdout = "";
  stderr = "";

  constructor(child: ChildProcess, wsUrl: string, tcpUrl: string) {
    this.#child = child;
    this.wsUrl = wsUrl;
    this.tcpUrl = tcpUrl;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    const killChild = () => child.kill("SIGKILL");
    process.once("exit", killChild);
    this.ended = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        process.off("exit", killChild);
        resolve(code ?? signal ?? 0);
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  kill(signal: NodeJS.Signals = "SIGKILL"): Promise<number | NodeJS.Signals> {
    this.#child.kill(signal);
    return this.ended;
  }

  async stop(): Promise<number | NodeJS.Signals> {
    this.#child.kill("SIGTERM");
    const timeout = AbortSignal.timeout(stopTimeoutMs);
    const outcome = await Promise.race([this.ended, once(timeout, "abort").then(() => undefined)]);
    if (outcome !== undefined) return outcome;
    await this.kill();
    throw new Error(`the server did not stop within ${stopTimeoutMs} ms of SIGTERM\n${this.#output()}`);
  }

  async ready(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(
      () => reject(new Error(`the server was not ready in time\n${this.#output()}`)),
      readyTimeoutMs,
    );
    void this.ended.then((how) =>
      reject(new Error(`the server ended (${how}) before it was ready\n${this.#output()}`)),
    );
    this.#child.once("error", reject);
    const look = () => {
      if (/^ready/m.test(this.stdout)) resolve();
    };
    this.#child.stdout?.on("data", look);
    try {
      await promise;
    } catch (error) {
      this.#child.kill("SIGKILL");
      throw error;
    } finally {
      clearTimeout(timer);
      this.#child.stdout?.off("data", look);
    }
  }

  #output(): string {
    return `stdout:\n${this.stdout}\nstderr:\n${this.stderr}`;
  }
}
