/**
 * A real server in the test's own process, on ports of its own, in memory unless the settings say otherwise. The test
 * fails when the server complained about anything that it does not take out of the complaints.
 */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { type Config, loadConfig } from "../../packages/server/src/config.ts";
import { type ServerParts, startServer } from "../../packages/server/src/server.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

export type Settings = { readonly [K in keyof Config]?: Config[K] };

export interface ServerInProcess {
  /** What it listens on, in the order of its gateways. */
  readonly urls: readonly URL[];
  /** What it wrote into its log of errors. A test that expects some takes them out. */
  readonly complaints: string[];
  stop(): Promise<void>;
}

/** Starts a server that ends with the test. */
export async function startInProcess(
  t: TestContext,
  settings: Settings,
  parts: Partial<ServerParts>,
): Promise<ServerInProcess> {
  const flags = { engine: "memory", "http.port": 0, dataDir: temporaryDirectory(t), ...settings };
  const loaded = loadConfig({ environment: {}, flags });
  assert.ok(loaded.ok, loaded.ok ? "" : loaded.faults.join("\n"));
  const complaints: string[] = [];
  const log = { error: (message: string, error: unknown) => complaints.push(`${message}: ${error}`) };
  const server = await startServer(loaded.config, { log, ...parts });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= server.stop();
    return stopped;
  };
  t.after(async () => {
    await stop();
    assert.deepEqual(complaints, [], "the server complained");
  });
  return { urls: server.listeners.map(({ url }) => new URL(url)), complaints, stop };
}
