/** A server as a process, with one gateway beside the native protocol over TCP, that comes back on the same data and ports. */
import type { TestContext } from "node:test";
import type { Config } from "../../packages/server/src/config.ts";
import { environmentName } from "../../packages/server/src/config.ts";
import { freePorts } from "./free-ports.ts";
import { startServer } from "./server-process.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

export interface RestartableServer {
  /** The gateway's. */
  readonly webSocketPort: number;
  readonly tcpPort: number;
  /** Ends the server by that signal and starts it again. */
  restart(signal: NodeJS.Signals): Promise<void>;
}

/** Starts it; `portKey` is the setting of the gateway's port. Ends with the test. */
export async function startRestartable(
  t: TestContext,
  gateway: Config["gateways"][number],
  portKey: keyof Config,
): Promise<RestartableServer> {
  const [wsPort = 0, tcpPort = 0, webSocketPort = 0] = await freePorts(3);
  const options = {
    dataDir: temporaryDirectory(t),
    wsPort,
    tcpPort,
    gateways: `native-tcp,${gateway}`,
    env: { [environmentName(portKey)]: String(webSocketPort) },
  };
  let process = await startServer(options);
  t.after(() => process.kill());
  return {
    webSocketPort,
    tcpPort,
    restart: async (signal) => {
      await process.kill(signal);
      process = await startServer(options);
    },
  };
}
