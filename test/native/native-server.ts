/** The native gateways of a server in the test's own process, with small limits where a test asks for them. */
import type { TestContext } from "node:test";
import type { ServerParts } from "../../packages/server/src/server.ts";
import { type Settings, startInProcess } from "../support/server-in-process.ts";

export interface NativeServer {
  readonly webSocketPort: number;
  readonly tcpPort: number;
  /** Of all listeners. */
  readonly urls: readonly URL[];
  /** What the server wrote into its log of errors. A test that expects some takes them out. */
  readonly complaints: string[];
  stop(): Promise<void>;
}

export type { Settings };

/** Starts a server that ends with the test; in memory unless `settings.engine` says `level`, then in the test's directory. */
export async function startNativeServer(
  t: TestContext,
  settings: Settings = {},
  parts: Partial<ServerParts> = {},
): Promise<NativeServer> {
  const gateways: Settings["gateways"] = ["native-websocket", "native-tcp"];
  const all = { gateways, "http.port": 0, "nativeTcp.port": 0, ...settings };
  const { urls, complaints, stop } = await startInProcess(t, all, parts);
  const ports = new Map(urls.map(({ protocol, port }) => [protocol, Number(port)]));
  return { webSocketPort: ports.get("ws:") ?? 0, tcpPort: ports.get("tcp:") ?? 0, urls, complaints, stop };
}
