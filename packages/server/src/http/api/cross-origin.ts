/**
 * Which web pages may use the API (Fetch standard, "CORS protocol"): those of the listener's allowed origins, exact. Others are
 * refused, not only denied the answer. Where names are given for the asking, a page must not reach the API as its own site
 * either, by a name of its site that points to this machine ("DNS rebinding"): the `Host` has to be one of ours.
 */
import { fail } from "@parley/protocol";
import type { FastifyInstance } from "fastify";
import type { HttpListener } from "../http-listener.ts";
import { refuse } from "./problem.ts";

const preflightHeaders = {
  "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, DELETE",
  "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Last-Event-ID",
  "Access-Control-Max-Age": "600",
};

/** Makes the routes of `app` answer pages of allowed origins, and their preflights. */
export function allowPages(app: FastifyInstance, http: HttpListener, openLogin: boolean): void {
  const isOurs = openLogin ? ownHosts(http) : () => true;
  const own = new URL(http.url).origin;
  app.addHook("onRequest", async ({ headers, method }, reply) => {
    reply.headers({ Vary: "Origin", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" });
    if (!isOurs(headers.host)) return refuse(reply, fail("forbidden", "this host name is not one of ours").fault);
    const { origin } = headers;
    if (origin === undefined) return undefined;
    if (origin !== own && !http.allows(origin))
      return refuse(reply, fail("forbidden", "this web origin is not allowed").fault);
    reply.headers({ "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Retry-After" });
    const isPreflight = method === "OPTIONS" && headers["access-control-request-method"] !== undefined;
    return isPreflight ? reply.code(204).headers(preflightHeaders).send() : undefined;
  });
}

/** The hosts of a listener on loopback: its address, loopback's names, and those of allowed origins. Beyond loopback: any. */
function ownHosts(http: HttpListener): (host: string | undefined) => boolean {
  const own = new URL(http.url);
  if (!http.allows(own.origin)) return () => true;
  return (host) =>
    host === undefined || host === own.host || http.allows(`http://${host}`) || http.allows(`https://${host}`);
}
