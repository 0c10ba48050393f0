/**
 * Puts the routes of operators where the configuration wants them: `/healthz` and `/readyz` on the shared HTTP listener,
 * `/metrics` there, on a listener of its own, or nowhere. Called by `server.ts`.
 */
import { readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import type { Config } from "../config.ts";
import type { Core } from "../core/core.ts";
import type { Log } from "../core/log.ts";
import type { ObservableEngine } from "../engine/engine.ts";
import type { Listener } from "../gateway/gateway.ts";
import { HttpListener } from "../http/http-listener.ts";
import type { ServerTls } from "../tls/server-tls.ts";
import { Health } from "./health.ts";
import type { Metrics } from "./metrics.ts";
import { observeRoutes } from "./routes.ts";

export interface ObserveParts {
  readonly config: Config;
  readonly core: Core;
  readonly store: ObservableEngine;
  readonly metrics: Metrics;
  /** The shared listener, not open yet; undefined where there is none. */
  readonly http: HttpListener | undefined;
  readonly tls: ServerTls | undefined;
  readonly log: Log;
}

export interface Observed {
  readonly health: Health;
  /** The listener for metrics alone, where there is one. */
  readonly listeners: readonly Listener[];
  stop(): Promise<void>;
}

/** Registers the routes. Rejects where the address of the own listener cannot be had. */
export async function startObserving(parts: ObserveParts): Promise<Observed> {
  const { config, core, store, metrics, http, tls, log } = parts;
  const health = new Health(() => store.figures());
  metrics.watch({
    traffic: core.traffic,
    sessions: () => core.sessions,
    figures: () => store.figures(),
    ready: () => health.obstacles.length === 0,
    diskFreeBytes: () => freeBytes(config),
    certificateExpires: () => tls && tls.expiresAt / 1000,
    version: ownVersion(),
  });
  const routes = (withMetrics: boolean) =>
    observeRoutes({
      metrics,
      health,
      withMetrics,
      core,
    });
  const serve = config["metrics.serve"];
  http?.routes(routes(serve === "shared"));
  if (serve !== "own") return { health, listeners: [], stop: async () => {} };
  const own = await HttpListener.bind({
    host: config["metrics.host"],
    port: config["metrics.port"],
    origins: [],
    onError: log.error,
    tls,
  });
  own.routes(routes(true));
  await own.open();
  return {
    health,
    listeners: [{ url: `${own.url}/metrics`, purpose: "metrics for Prometheus" }],
    stop: () => own.stop(),
  };
}

function ownVersion(): string {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { readonly version: string }).version;
}

async function freeBytes({ engine, dataDir }: Config): Promise<number | undefined> {
  if (engine === "memory") return undefined;
  const { bavail, bsize } = await statfs(dataDir);
  return bavail * bsize;
}
