/**
 * A real server in the test's own process, with this gateway and the native one beside it, on ports of their own. The
 * test fails when the server complained about anything.
 */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { loadConfig } from "../../../packages/server/src/config.ts";
import { type ServerParts, startServer } from "../../../packages/server/src/server.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

export interface ChatServer {
  /** Of the gateway. */
  readonly port: number;
  readonly nativePort: number;
  stop(): Promise<void>;
}

/** Starts a server that ends with the test; in memory unless `settings.engine` says `level`. */
export async function startChatServer(
  t: TestContext,
  settings: Readonly<Record<string, unknown>> = {},
  parts: Partial<ServerParts> = {},
): Promise<ChatServer> {
  const gateways = ["native-tcp", "framed-tcp"];
  const ports = { "http.port": 0, "nativeTcp.port": 0, "framedTcp.port": 0 };
  const flags = { engine: "memory", dataDir: temporaryDirectory(t), gateways, ...ports, ...settings };
  const loaded = loadConfig({ environment: {}, flags });
  assert.ok(loaded.ok, loaded.ok ? "" : loaded.faults.join("\n"));
  const complaints: string[] = [];
  const log = { error: (message: string, error: unknown) => complaints.push(`${message}: ${error}`) };
  const server = await startServer(loaded.config, { log, ...parts });
  const [native, framed] = server.listeners.map(({ url }) => Number(new URL(url).port));
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= server.stop();
    return stopped;
  };
  t.after(async () => {
    await stop();
    assert.deepEqual(complaints, [], "the server complained");
  });
  return { port: framed ?? 0, nativePort: native ?? 0, stop };
}
