/**
 * A real `redis-server` on a port of its own, with nothing on disk. Where it is not installed, it is installed (Debian, as
 * root); where that cannot be, the test fails and says what to do.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { needTool } from "./system-tool.ts";

const host = "127.0.0.1";
const readyTimeoutMs = 10_000;
export class RedisServer {
  readonly port: number;
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.url = `redis://${host}:${port}`;
    this.#child = child;
  }

  /** Starts it and waits until it answers. Rejects where there is none to be had. */
  static async start(port: number): Promise<RedisServer> {
    needTool({ probe: ["redis-server", "--version"], package: "redis-server" });
    const options = ["--port", String(port), "--bind", host, "--save", "", "--appendonly", "no"];
    const child = spawn("redis-server", options, { stdio: "ignore" });
    const killChild = () => child.kill("SIGKILL");
    process.once("exit", killChild);
    child.once("close", () => process.off("exit", killChild));
    const server = new RedisServer(port, child);
    for (const end = Date.now() + readyTimeoutMs; Date.now() < end; await sleep(20)) {
      const answer = await server.command("PING").catch(() => "");
      if (answer === "+PONG\r\n") return server;
    }
    await server.kill();
    throw new Error(`redis-server does not answer on port ${port}`);
  }

  /** Carries out one command; the answer as it stands in the protocol (RESP 2), to be short. */
  async command(...words: readonly (string | Uint8Array)[]): Promise<string> {
    const socket: Socket = connect(this.port, host);
    const parts = words.map((word) => Buffer.from(word));
    socket.write(`*${parts.length}\r\n`);
    for (const part of parts)
      socket.write(Buffer.concat([Buffer.from(`$${part.length}\r\n`), part, Buffer.from("\r\n")]));
    try {
      const [chunk] = (await once(socket, "data")) as [Buffer];
      return chunk.toString();
    } finally {
      socket.destroy();
    }
  }

  /** Publishes; resolves with how many subscribers got it. */
  async publish(channel: string, message: string | Uint8Array): Promise<number> {
    return Number((await this.command("PUBLISH", channel, message)).slice(1));
  }

  async kill(): Promise<void> {
    const closed = once(this.#child, "close");
    if (this.#child.kill("SIGKILL")) await closed;
  }
}
