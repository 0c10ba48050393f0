/** The gateway's requests (docs/gateways/push.md): tokens, messages, health. Bodies are JSON whatever their type says. */
import { finished } from "node:stream/promises";
import { errors, type Fault, fail, helloFrameBytes, ok, parseUser, type Result } from "@parley/protocol";
import type { FastifyError, FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { Core } from "../../core/core.ts";
import { checkChoosable } from "../../core/reserved-names.ts";
import type { GatewayLog } from "../gateway.ts";
import { unexpected } from "../unexpected.ts";
import type { Bearers } from "./bearers.ts";
import { allowOrigins } from "./cors.ts";
import { notify, parseNotification, parseObject } from "./notifications.ts";

export interface PushRoutesOptions {
  readonly core: Core;
  readonly bearers: Bearers;
  /** Origins of web pages that may use the routes. */
  readonly origins: readonly string[];
  readonly log: GatewayLog;
  /** By what an address is counted; undefined: it is not. */
  readonly addressOf: (ip: string) => string | undefined;
}

type Request = FastifyRequest<{ Body: Buffer | undefined }>;

/** The routes as a plugin of the listener. */
export function pushRoutes({ core, bearers, origins, log, addressOf }: PushRoutesOptions): FastifyPluginAsync {
  return async (app) => {
    takeAnyBody(app);
    allowOrigins(app, origins, ["/token", "/ws/token", "/message", "/healthcheck"]);
    app.setErrorHandler(async (error: FastifyError, { raw }, reply) => {
      // Cut off while it still sends, a client would not see the answer. A request has its time limit.
      await finished(raw.resume()).catch(() => {});
      return answerError(error, reply, log);
    });

    app.addHook("onRequest", async ({ ip }, reply) => {
      const limited = core.limiter.request(addressOf(ip), undefined, 0);
      return limited && refuse(reply, limited);
    });

    app.get("/healthcheck", async () => "ok");

    app.post("/token", { bodyLimit: helloFrameBytes }, async ({ body, headers, socket }: Request, reply) => {
      const username = parseTokenRequest(body);
      if (!username.ok) return refuse(reply, username.fault);
      const from = `${socket.remoteAddress}:${socket.remotePort}`;
      return answerToken(reply, await bearers.appToken(username.value, headers.authorization, from));
    });

    app.post("/ws/token", { bodyLimit: helloFrameBytes }, async ({ headers }, reply) =>
      answerToken(reply, await bearers.socketToken(headers.authorization ?? "")),
    );

    app.post("/message", { bodyLimit: core.limits.maxFrameBytes }, async ({ headers, body, ip }: Request, reply) => {
      const { authorization } = headers;
      const isNobody = core.openLogin && authorization === undefined;
      const identity = isNobody ? undefined : await bearers.identify(authorization ?? "", "app");
      if (identity && !identity.ok) return refuse(reply, identity.fault);
      const from = identity ? await core.actor(identity.value) : ok("push" as const);
      if (!from.ok) return refuse(reply, from.fault);
      const user = typeof from.value === "string" ? undefined : from.value.user;
      const limited = core.limiter.request(addressOf(ip), user?.key, body?.length ?? 0);
      if (limited) {
        core.traffic.sendRefused(limited.code, { user: user?.name });
        return refuse(reply, limited);
      }
      const notification = parseNotification(body);
      if (!notification.ok) return refuse(reply, notification.fault);
      const posted = await notify(core, notification.value, from.value);
      return posted.ok ? reply.type("application/json").send('{"status": "ok"}') : refuse(reply, posted.fault);
    });
  };
}

function takeAnyBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_, body, done) => done(null, body));
  // A type that breaks its own grammar would be refused before any parser.
  app.addHook("onRequest", async ({ headers }) => void delete headers["content-type"]);
}

/** `{"username": "name"}`: the name, as it was written, of somebody who could log in. */
function parseTokenRequest(body: Buffer | undefined): Result<string> {
  const request = parseObject(body);
  if (!request.ok) return request;
  const { username } = request.value;
  if (typeof username !== "string") return fail("bad_message", 'expected {"username": "name"}');
  const address = parseUser(username);
  if (!address.ok) return address;
  const allowed = checkChoosable(address.value.key);
  return allowed.ok ? ok(username) : allowed;
}

/** A token has no character that JSON escapes. */
function answerToken(reply: FastifyReply, token: Result<string>): FastifyReply {
  if (!token.ok) return refuse(reply, token.fault);
  return reply.type("application/json").send(`{"token": "${token.value}"}`);
}

function refuse(reply: FastifyReply, { code, message, retryAfterMs }: Fault): FastifyReply {
  const status = errors[code].http;
  if (retryAfterMs !== undefined) reply.header("Retry-After", Math.ceil(retryAfterMs / 1000));
  return reply.code(status).send(`${status}: ${message}`);
}

function answerError(error: FastifyError, reply: FastifyReply, log: GatewayLog): FastifyReply {
  const { statusCode = 500 } = error;
  if (statusCode < 500) return reply.code(statusCode).send(`${statusCode}: ${error.message}`);
  const answer = unexpected(error, "push", log);
  return answer.ok ? reply : refuse(reply, answer.fault);
}
