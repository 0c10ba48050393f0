/** A server process with every gateway on ports of its own, and a way to ask what memory it holds. Used by fuzz and floods. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Config, environmentName } from "../../packages/server/src/config.ts";
import { gatewayNames } from "../../packages/server/src/settings.ts";
import { freePorts } from "../support/free-ports.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import type { FuzzPorts } from "./listeners.ts";

export const allGateways = gatewayNames.join(",");
const entry = new URL("fuzz-server.ts", import.meta.url).pathname;

/** What the process holds after a full garbage collection, in bytes. */
export interface HeldMemory {
  readonly residentBytes: number;
  /** Objects and buffers, together. */
  readonly heldBytes: number;
  readonly users: number;
}

/** Free ports for all listeners. */
export async function takePorts(): Promise<FuzzPorts> {
  const [http = 0, tcp = 0, peerJson = 0, framedTcp = 0, deviceText = 0, udp = 0, udpDiscovery = 0, planted = 0] =
    await freePorts(8);
  return { http, tcp, peerJson, framedTcp, deviceText, udp, udpDiscovery, planted };
}

/** The environment that puts the listeners there. */
export function portArguments(ports: FuzzPorts): Record<string, string> {
  const settings: Partial<Record<keyof Config, number>> = {
    "peerJson.port": ports.peerJson,
    "framedTcp.port": ports.framedTcp,
    "deviceText.port": ports.deviceText,
    "udpAgent.port": ports.udp,
    "udpAgent.discoveryPort": ports.udpDiscovery,
  };
  return Object.fromEntries(Object.entries(settings).map(([key, port]) => [environmentName(key), String(port)]));
}

export class FuzzedServer {
  readonly ports: FuzzPorts;
  readonly process: ServerProcess;
  readonly #exit: { how?: number | NodeJS.Signals } = {};

  private constructor(ports: FuzzPorts, process: ServerProcess) {
    this.ports = ports;
    this.process = process;
    void process.ended.then((how) => {
      this.#exit.how = how;
    });
  }

  /** Starts it on `dataDir`, with a bug of `planted-gateways.ts` or `planted-bugs.ts` where `env` says so. */
  static async start(dataDir: string, env: Readonly<Record<string, string>> = {}): Promise<FuzzedServer> {
    const ports = await takePorts();
    const process = await startServer({
      dataDir,
      wsPort: ports.http,
      tcpPort: ports.tcp,
      gateways: allGateways,
      env: { ...portArguments(ports), TEST_PLANTED_PORT: String(ports.planted), ...env },
      entry,
    });
    return new FuzzedServer(ports, process);
  }

  /** How it ended, if it did. */
  get exit(): number | NodeJS.Signals | undefined {
    return this.#exit.how;
  }

  /** Lines of its log that tell of bugs. Complaints about a peer or the disk are not. */
  bugs(): string[] {
    return this.process.stderr.split("\n").filter((line) => /\bbug in\b|Uncaught|Unhandled/i.test(line));
  }

  /** Asks what it holds. Undefined where it does not answer. */
  async memory(): Promise<HeldMemory | undefined> {
    const before = this.process.stdout.length;
    if (this.exit !== undefined) return undefined;
    process.kill(this.process.pid, "SIGUSR2");
    for (let waited = 0; waited < 15_000 && this.exit === undefined; waited += 20) {
      const [, line] = /^memory (\{.*\})$/m.exec(this.process.stdout.slice(before)) ?? [];
      if (line !== undefined) return JSON.parse(line) as HeldMemory;
      await sleep(20);
    }
    return undefined;
  }
}
