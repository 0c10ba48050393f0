/** This gateway, and the native one beside it, of a server in the test's own process. */
import type { TestContext } from "node:test";
import type { ServerParts } from "../../../packages/server/src/server.ts";
import { type Settings, startInProcess } from "../../support/server-in-process.ts";

export interface ChatServer {
  /** Of the gateway. */
  readonly port: number;
  readonly nativePort: number;
  stop(): Promise<void>;
}

/** Starts a server that ends with the test; in memory unless `settings.engine` says `level`. */
export async function startChatServer(
  t: TestContext,
  settings: Settings = {},
  parts: Partial<ServerParts> = {},
): Promise<ChatServer> {
  const gateways: Settings["gateways"] = ["native-tcp", "framed-tcp"];
  const all = { gateways, "nativeTcp.port": 0, "framedTcp.port": 0, ...settings };
  const { urls, stop } = await startInProcess(t, all, parts);
  const [native, framed] = urls.map(({ port }) => Number(port));
  return { port: framed ?? 0, nativePort: native ?? 0, stop };
}
