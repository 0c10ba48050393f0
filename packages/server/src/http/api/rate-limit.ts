/**
 * The rates of users and addresses for requests (docs/limits.md): a request over HTTP counts as a frame with the length of
 * its body would. What is too much is answered 429 with `Retry-After`, before a body is read.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Core } from "../../core/core.ts";
import { allowanceOf, type Doors } from "../../gateway/doors.ts";
import { refuse } from "./problem.ts";

/** Counts every request of `app` for its address. */
export function limitAddresses(app: FastifyInstance, core: Core, doors: Doors | undefined): void {
  app.addHook("onRequest", async (request, reply) => {
    const address = doors?.keyOf(request.socket.remoteAddress ?? "");
    const fault = core.limiter.request(address, undefined, bytesOf(request));
    return fault && refuse(reply, fault);
  });
}

/** Counts every request of `app` for its user. To be called after `authenticateRequests`. */
export function limitUsers(app: FastifyInstance, core: Core): void {
  app.addHook("onRequest", async (request, reply) => {
    // On public routes nobody is anybody.
    const user = request.user as typeof request.user | undefined;
    if (!user) return undefined;
    // A connection that lasts, as that of a stream does, is a stranger's no more.
    allowanceOf(request.raw.socket)?.isOf(core.limiter.user(user.key));
    const fault = core.limiter.request(undefined, user.key, bytesOf(request));
    if (!fault) return undefined;
    if (isSend(request)) core.traffic.sendRefused(fault.code, { user: user.name });
    return refuse(reply, fault);
  });
}

function isSend({ method, routeOptions }: FastifyRequest): boolean {
  return method === "POST" && routeOptions.url === "/v1/messages";
}

/** As announced; a body that announces nothing is bounded by its route. */
function bytesOf({ headers }: FastifyRequest): number {
  const bytes = Number(headers["content-length"]);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : 0;
}
