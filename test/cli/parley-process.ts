/**
 * Runs `parley …` as a child process, as a script would, with a home of its own so that no test meets the state of a
 * person or of another test.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { freePorts } from "../support/free-ports.ts";
import { startServer } from "../support/server-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { WatchedOutput } from "./watched-output.ts";

export const binary = fileURLToPath(new URL("../../packages/server/bin/parley.js", import.meta.url));
const timeoutMs = 20_000;

/** What a test context can do that is needed here. */
export interface Context {
  after(work: () => unknown): void;
}

export interface Outcome {
  readonly code: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input; without it, it is empty. */
  readonly input?: string | Buffer;
}

export interface TestServer {
  readonly dataDir: string;
  readonly wsUrl: string;
  readonly tcpUrl: string;
  /** `kill -9`. */
  kill(): Promise<unknown>;
  /** Brings it back on the same data and ports. */
  start(): Promise<void>;
}

/** A server of its own for one test, killed when the test ends. */
export async function testServer(context: Context): Promise<TestServer> {
  const [wsPort = 0, tcpPort = 0] = await freePorts(2);
  const options = { dataDir: `${temporaryDirectory(context)}/data`, wsPort, tcpPort };
  let server = await startServer(options);
  context.after(() => server.kill());
  return {
    dataDir: options.dataDir,
    wsUrl: server.wsUrl,
    tcpUrl: server.tcpUrl,
    kill: () => server.kill("SIGKILL"),
    start: async () => {
      server = await startServer(options);
    },
  };
}

/** What would change the output of a child: where the tests run (Node shows no colours where `CI` is set) is not its concern. */
const callersSettings = /^(PARLEY_.*|CI|CI_.*|COLORTERM|FORCE_COLOR|NO_COLOR|NODE_DISABLE_COLORS|TMUX)$/;

/** The environment of a child: nobody's settings, no colours, a home that is gone after the test. */
export function testEnvironment(context: Context, env: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !callersSettings.test(name));
  const home = temporaryDirectory(context);
  return {
    ...Object.fromEntries(inherited),
    HOME: home,
    XDG_STATE_HOME: `${home}/state`,
    TERM: "xterm-256color",
    ...env,
  };
}

/** A command that runs. */
export class RunningParley {
  readonly child: ChildProcessWithoutNullStreams;
  readonly stdout: WatchedOutput;
  readonly stderr: WatchedOutput;
  readonly #code: Promise<number | NodeJS.Signals>;

  constructor(child: ChildProcessWithoutNullStreams) {
    this.child = child;
    this.stdout = new WatchedOutput(child.stdout);
    this.stderr = new WatchedOutput(child.stderr);
    // A command that does not read its input may have ended before it was written.
    child.stdin.on("error", () => {});
    this.#code = new Promise((resolve) => child.once("close", (code, signal) => resolve(code ?? signal ?? 0)));
  }

  /** Waits for the end. Rejects, and kills it, when that does not come in time. */
  async outcome(): Promise<Outcome> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      this.child.kill("SIGKILL");
      late.reject(
        new Error(`no end within ${timeoutMs} ms: ${this.child.spawnargs.slice(2).join(" ")}\n${this.stderr.text}`),
      );
    }, timeoutMs);
    const code = await Promise.race([this.#code, late.promise]).finally(() => clearTimeout(timer));
    return { code, stdout: this.stdout.text, stderr: this.stderr.text };
  }
}

/** Starts a command and leaves it running; it is killed when the test ends, if it still runs. */
export function startParley(
  context: Context,
  args: readonly string[],
  { env }: Pick<Surroundings, "env"> = {},
): RunningParley {
  const child = spawn(process.execPath, [binary, ...args], { env: testEnvironment(context, env) });
  context.after(() => child.kill("SIGKILL"));
  return new RunningParley(child);
}

/** Runs a command to its end. */
export function parley(
  context: Context,
  args: readonly string[],
  { env = {}, input = "" }: Surroundings = {},
): Promise<Outcome> {
  const running = startParley(context, args, { env });
  running.child.stdin.end(input);
  return running.outcome();
}

/** The lines of an output. */
export function linesOf(text: string): string[] {
  return text.split("\n").slice(0, -1);
}
