/**
 * The server that a run starts, kills and starts again: a real `parley serve` on free ports with a data directory of
 * its own. Kills come one after the other, each followed by a start on the same data and ports.
 */
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { freePorts } from "../../test/support/free-ports.ts";
import { type ServerOptions, type ServerProcess, startServer } from "../../test/support/server-process.ts";
import type { Random } from "./random.ts";

/** What `parley serve` takes without being told otherwise. */
const defaultMaxBodyBytes = 1_048_576;
/** The most it can be told to take. */
export const maxBodyBytes = 16_777_216;
const maxFrameBytes = 67_108_864;
/** Upper bounds of the time before a kill, and of the time that the server is away. */
const maxDelayMs = 300;
const maxAwayMs = 400;

type StartOptions = Pick<ServerOptions, "env" | "entry">;

interface Parts {
  readonly dataDir: string;
  readonly ports: readonly [number, number];
  readonly options: StartOptions;
  readonly random: Random;
  readonly server: ServerProcess;
  /** Removes the data when this process ends. */
  readonly remove: () => void;
}

export class ServerUnderTest {
  readonly dataDir: string;
  readonly #ports: readonly [number, number];
  readonly #options: StartOptions;
  readonly #random: Random;
  readonly #remove: () => void;
  #server: ServerProcess;
  #kills: Promise<void> = Promise.resolve();
  #complaints = "";
  killed = 0;

  private constructor({ dataDir, ports, options, random, server, remove }: Parts) {
    this.dataDir = dataDir;
    this.#ports = ports;
    this.#options = options;
    this.#random = random;
    this.#server = server;
    this.#remove = remove;
  }

  /** Starts a server that takes bodies of `longestBody` bytes; `entry` is the script to run, if not `parley`. */
  static async start(longestBody: number, entry: string | undefined, random: Random): Promise<ServerUnderTest> {
    const dataDir = await mkdtemp(join(tmpdir(), "parley-replay-"));
    const [wsPort = 0, tcpPort = 0] = await freePorts(2);
    const limits = {
      PARLEY_LIMITS_MAX_BODY_BYTES: String(maxBodyBytes),
      PARLEY_LIMITS_MAX_FRAME_BYTES: String(maxFrameBytes),
    };
    const options = {
      ...(longestBody > defaultMaxBodyBytes ? { env: limits } : {}),
      ...(entry === undefined ? {} : { entry }),
    };
    // The run may be given up at any time; the server itself ends with this process (`server-process.ts`).
    const remove = () => rmSync(dataDir, { recursive: true, force: true });
    process.once("exit", remove);
    const server = await startServer({ dataDir, wsPort, tcpPort, ...options });
    return new ServerUnderTest({ dataDir, ports: [wsPort, tcpPort], options, random, server, remove });
  }

  get urls(): readonly string[] {
    return [this.#server.wsUrl, this.#server.tcpUrl];
  }

  /** What it wrote to its standard error in all its lives. */
  get complaints(): string {
    return this.#complaints + this.#server.stderr;
  }

  /** Kills it (SIGKILL) at some moment soon, and starts it again. Several such orders are carried out in turn. */
  killSoon(): void {
    const [delayMs, awayMs] = [this.#random.next() * maxDelayMs, this.#random.next() * maxAwayMs];
    this.#kills = this.#kills.then(async () => {
      await wait(delayMs);
      await this.#kill(awayMs);
    });
    // Told to who waits in `settled`.
    this.#kills.catch(() => {});
  }

  /** Resolves when it is up and no kill is outstanding; rejects when it could not be started again. */
  settled(): Promise<void> {
    return this.#kills;
  }

  /** Ends it for good, and removes its data unless `keepData`. Rejects when it was not running any more. */
  async stop(keepData: boolean): Promise<void> {
    try {
      await this.settled();
      const outcome = await this.#server.stop();
      // SIGTERM: it was told to end before it was ready to do that in good order, just after a start.
      if (outcome !== 0 && outcome !== "SIGTERM")
        throw new Error(`the server ended with ${outcome}:\n${this.complaints}`);
    } finally {
      process.off("exit", this.#remove);
      if (!keepData) this.#remove();
    }
  }

  async #kill(awayMs: number): Promise<void> {
    const how = await this.#server.kill("SIGKILL");
    if (how !== "SIGKILL") throw new Error(`the server had ended by itself (${how}):\n${this.complaints}`);
    this.killed += 1;
    this.#complaints = this.complaints;
    await wait(awayMs);
    const [wsPort, tcpPort] = this.#ports;
    this.#server = await startServer({ dataDir: this.dataDir, wsPort, tcpPort, ...this.#options });
  }
}
