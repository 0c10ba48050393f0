/**
 * `/metrics`, `/healthz` and `/readyz` (docs/observability.md). Health is told to everybody and says nothing of anybody;
 * metrics to processes on this machine, and to those who may administer.
 */
import { isIP } from "node:net";
import { fail, ok, type Result } from "@parley/protocol";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Core } from "../core/core.ts";
import { credentialsOf, infoOf } from "../http/api/authentication.ts";
import { refuse } from "../http/api/problem.ts";
import type { Health } from "./health.ts";
import type { Metrics } from "./metrics.ts";

export interface ObserveOptions {
  readonly metrics: Metrics;
  readonly health: Health;
  /** Whether `/metrics` is among the routes. */
  readonly withMetrics: boolean;
  readonly core: Core;
}

/** Requests to these paths are answered while the server drains, too. */
export const observePaths: ReadonlySet<string> = new Set(["/healthz", "/readyz", "/metrics"]);

const noCache = { "cache-control": "no-store" };

/** The routes, for `HttpListener.routes`. */
export function observeRoutes({ metrics, health, withMetrics, core }: ObserveOptions) {
  return async (app: FastifyInstance): Promise<void> => {
    app.get("/healthz", (_, reply) => reply.headers(noCache).send({ status: "ok" }));
    app.get("/readyz", (_, reply) => {
      const { obstacles } = health;
      if (obstacles.length === 0) return reply.headers(noCache).send({ status: "ready" });
      return reply.code(503).headers(noCache).send({ status: "not ready", reasons: obstacles });
    });
    if (!withMetrics) return;
    app.get("/metrics", async (request, reply) => {
      const allowed = isLocal(request) ? ok(undefined) : await mayAdminister(request, core);
      if (!allowed.ok) return refuse(reply.headers(noCache), allowed.fault);
      return reply
        .headers(noCache)
        .type(metrics.contentType)
        .send(await metrics.text());
    });
  };
}

/**
 * Whether the request comes from a process on this machine, for itself: not through a proxy, and not from a web page that
 * had a name of its own resolved to loopback (DNS rebinding), which shows in `Host`.
 */
function isLocal({ ip, headers }: FastifyRequest): boolean {
  const isProxied =
    headers.forwarded !== undefined || headers["x-forwarded-for"] !== undefined || headers.via !== undefined;
  return !isProxied && isLoopback(ip) && isLoopbackHost(headers.host ?? "");
}

function isLoopback(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127\./.test(address);
}

function isLoopbackHost(host: string): boolean {
  const name = host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || (isIP(name) !== 0 && isLoopback(name));
}

async function mayAdminister(request: FastifyRequest, core: Core): Promise<Result<undefined>> {
  const credentials = credentialsOf(request);
  if (!credentials.ok) return credentials;
  const proved = await core.authenticate(credentials.value, infoOf(request));
  if (!proved.ok) return proved;
  return proved.value.identity.rights.administer
    ? ok(undefined)
    : fail("forbidden", "only who administers may do this");
}
