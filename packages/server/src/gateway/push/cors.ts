/**
 * Which web pages may use the gateway (Fetch standard, "CORS protocol"). A page of any site can make its visitor's browser
 * POST to loopback without asking first, as long as the body is called text: what comes from another origin is refused, not
 * only hidden from the page.
 */
import type { FastifyInstance } from "fastify";

const preflightHeaders = {
  "Access-Control-Allow-Methods": "GET, POST",
  "Access-Control-Allow-Headers": "X-Requested-With, Content-Type, Authorization",
};

const loopbackHosts = ["localhost", "127.0.0.1", "[::1]"];

/** The origins of pages that the listener at `url` could serve itself. Not what a `Host` says: anybody's name may point here. */
export function ownOrigins(url: string): string[] {
  const { hostname, port, origin } = new URL(url);
  if (!loopbackHosts.includes(hostname)) return [origin];
  return loopbackHosts.map((host) => new URL(`http://${host}:${port}`).origin);
}

/** Makes the routes of `app` answer pages of these origins, and preflights for `paths`; other pages get 403. */
export function allowOrigins(app: FastifyInstance, origins: readonly string[], paths: readonly string[]): void {
  app.addHook("onRequest", async ({ headers }, reply) => {
    reply.header("Vary", "Origin");
    const { origin } = headers;
    if (origin === undefined) return undefined;
    if (origins.includes(origin)) return void reply.header("Access-Control-Allow-Origin", origin);
    return reply.code(403).send("403: this origin is not allowed");
  });
  for (const path of paths) app.options(path, async (_, reply) => reply.code(204).headers(preflightHeaders).send());
}
