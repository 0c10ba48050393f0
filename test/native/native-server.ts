/**
 * A real server in the test's own process, on ports of its own, with small limits where a test asks for them. The test
 * fails when the server complained about anything that nobody announced.
 */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { type Config, loadConfig } from "../../packages/server/src/config.ts";
import { type ServerParts, startServer } from "../../packages/server/src/server.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

export interface NativeServer {
  readonly webSocketPort: number;
  readonly tcpPort: number;
  /** What the server wrote into its log of errors. A test that expects some takes them out. */
  readonly complaints: string[];
  stop(): Promise<void>;
}

export type Settings = { readonly [K in keyof Config]?: Config[K] };

/** Starts a server that ends with the test; in memory unless `settings.engine` says `level`, then in the test's directory. */
export async function startNativeServer(
  t: TestContext,
  settings: Settings = {},
  parts: Partial<ServerParts> = {},
): Promise<NativeServer> {
  const gateways = ["native-websocket", "native-tcp"];
  const defaults = { engine: "memory", dataDir: temporaryDirectory(t), gateways, "http.port": 0, "nativeTcp.port": 0 };
  const flags = { ...defaults, ...settings };
  const loaded = loadConfig({ environment: {}, flags });
  assert.ok(loaded.ok, loaded.ok ? "" : loaded.faults.join("\n"));
  const complaints: string[] = [];
  const log = { error: (message: string, error: unknown) => complaints.push(`${message}: ${error}`) };
  const server = await startServer(loaded.config, { log, ...parts });
  const ports = new Map(server.listeners.map(({ url }) => [new URL(url).protocol, Number(new URL(url).port)]));
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= server.stop();
    return stopped;
  };
  t.after(async () => {
    await stop();
    assert.deepEqual(complaints, [], "the server complained");
  });
  return { webSocketPort: ports.get("ws:") ?? 0, tcpPort: ports.get("tcp:") ?? 0, complaints, stop };
}
