/** The gateway's requests (docs/gateways/push.md): tokens, messages, health. Bodies are JSON whatever their type says. */
import { finished } from "node:stream/promises";
import { errors, type Fault, fail, helloFrameBytes, ok, parseUser, type Result } from "@parley/protocol";
import type { FastifyError, FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { Core } from "../../core/core.ts";
import { checkChoosable } from "../../core/reserved-names.ts";
import type { GatewayLog } from "../gateway.ts";
import { unexpected } from "../unexpected.ts";
import { allowOrigins } from "./cors.ts";
import { notify, parseNotification, parseObject } from "./notifications.ts";
import type { Tokens } from "./tokens.ts";

export interface PushRoutesOptions {
  readonly core: Core;
  readonly tokens: Tokens;
  /** Origins of web pages that may use the routes. */
  readonly origins: readonly string[];
  readonly log: GatewayLog;
  /** By what an address is counted; undefined: it is not. */
  readonly addressOf: (ip: string) => string | undefined;
}

type Request = FastifyRequest<{ Body: Buffer | undefined }>;

const badToken = fail("forbidden", "Forbidden").fault;

/** The routes as a plugin of the listener. */
export function pushRoutes({ core, tokens, origins, log, addressOf }: PushRoutesOptions): FastifyPluginAsync {
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

    app.post("/token", { bodyLimit: helloFrameBytes }, async ({ body }: Request, reply) => {
      const username = parseTokenRequest(body);
      if (!username.ok) return refuse(reply, username.fault);
      return answerToken(reply, await tokens.issue("app", username.value));
    });

    app.post("/ws/token", { bodyLimit: helloFrameBytes }, async ({ headers }, reply) => {
      const username = await tokens.verify(headers.authorization ?? "", "app");
      if (username === undefined) return refuse(reply, badToken);
      return answerToken(reply, await tokens.issue("socket", username));
    });

    app.post("/message", { bodyLimit: core.limits.maxFrameBytes }, async ({ headers, body, ip }: Request, reply) => {
      const { authorization } = headers;
      const from = authorization === undefined ? undefined : await tokens.verify(authorization, "app");
      if (authorization !== undefined && from === undefined) return refuse(reply, badToken);
      const user = from === undefined ? undefined : core.user(from)?.key;
      const limited = core.limiter.request(addressOf(ip), user, body?.length ?? 0);
      if (limited) return refuse(reply, limited);
      const notification = parseNotification(body);
      if (!notification.ok) return refuse(reply, notification.fault);
      const posted = await notify(core, notification.value, from);
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
function answerToken(reply: FastifyReply, token: string): FastifyReply {
  return reply.type("application/json").send(`{"token": "${token}"}`);
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
