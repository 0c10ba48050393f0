/**
 * Which web pages may use the API (Fetch standard, "CORS protocol"): those of the listener's allowed origins, exact. Others are
 * refused, not only denied the answer. The listener refuses foreign hosts ("DNS rebinding").
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
export function allowPages(app: FastifyInstance, http: HttpListener): void {
  const own = new URL(http.url).origin;
  app.addHook("onRequest", async ({ headers, method }, reply) => {
    reply.headers({ Vary: "Origin", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" });
    const { origin } = headers;
    if (origin === undefined) return undefined;
    if (origin !== own && !http.allows(origin))
      return refuse(reply, fail("forbidden", "this web origin is not allowed").fault);
    reply.headers({ "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Retry-After" });
    const isPreflight = method === "OPTIONS" && headers["access-control-request-method"] !== undefined;
    return isPreflight ? reply.code(204).headers(preflightHeaders).send() : undefined;
  });
}
