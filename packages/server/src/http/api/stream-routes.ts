/** `GET /v1/stream`: all that a user gets, as it comes, for `EventSource` and `curl -N` (docs/http-api.md, "The stream"). */
import { fail, ok, type Position, parseUser, type Result } from "@parley/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { Session } from "../../core/session.ts";
import { IdleSweep } from "../../gateway/idle-sweep.ts";
import type { ApiOptions, ApiPlugin } from "./api-plugin.ts";
import { infoOf } from "./authentication.ts";
import { problems, refuse } from "./problem.ts";
import { StreamConnection } from "./stream-connection.ts";
import { maxIdLength, parseStreamId } from "./stream-positions.ts";

const heartbeatMs = 15_000;
const maxWatched = 1000;
const id = Type.Optional(
  Type.String({ maxLength: maxIdLength, description: "the `id` of the last event that one had: goes on after it" }),
);

const Query = Type.Object({
  device: Type.Optional(
    Type.String({ minLength: 1, maxLength: 256, description: "a device of the user, which has cursors of its own" }),
  ),
  watch: Type.Optional(
    Type.String({ maxLength: 66_000, description: "users whose presence is told, by commas; `*`: everybody's" }),
  ),
  lastEventId: id,
  token: Type.Optional(
    Type.String({ maxLength: 8192, description: "a connect token, where `Authorization` cannot be set (EventSource)" }),
  ),
});

const description = `Server-sent events, named as in PROTOCOL.md (\`message\`, \`gap\`, \`reset\`, \`live\`, \`presence\`, \`receipt\`), each with the message as JSON without its \`op\`; first \`welcome\`, at the end \`bye\`. Whoever comes back with the id of the last event it had (\`EventSource\` does) gets what came after it.`;

export const streamRoutes: ApiPlugin = (app, options) => {
  const idleMs = options.core.limits.idleMs;
  const sweeps = Math.max(3, Math.ceil(idleMs / heartbeatMs));
  const sweep = new IdleSweep<StreamConnection>(idleMs, (connection) => connection.probe(), sweeps);
  app.addHook("onClose", async () => sweep.stop());

  app.get(
    "/stream",
    {
      exposeHeadRoute: false,
      config: { access: "person", tokenInQuery: true },
      schema: {
        operationId: "streamEvents",
        tags: ["messages"],
        summary: "Be told what comes, as it comes",
        description,
        querystring: Query,
        headers: Type.Object({ "last-event-id": id }),
        response: {
          200: {
            description: "The stream.",
            content: { "text/event-stream": { schema: { type: "string" } } },
          },
          ...problems(["bad_name", "too_many", "shutting_down"]),
        },
      },
    },
    async (request, reply) => {
      const { query, headers, identity } = request;
      const device = query.device ?? identity.device;
      if (identity.device !== undefined && device !== identity.device)
        return refuse(reply, fail("forbidden", `this token is for the device ${identity.device}`).fault);
      const positions = parseStreamId(headers["last-event-id"] ?? query.lastEventId ?? "");
      if (!positions.ok) return refuse(reply, positions.fault);
      const users = query.watch === undefined || query.watch === "*" ? [] : query.watch.split(",");
      if (users.length > maxWatched)
        return refuse(reply, fail("bad_message", `watch names at most ${maxWatched} users`).fault);
      for (const name of users) {
        const user = parseUser(name);
        if (!user.ok) return refuse(reply, user.fault);
      }
      const begun = await open(options, sweep.connections, request, reply, { device, positions: positions.value });
      if (!begun.ok) return refuse(reply, begun.fault);
      if (query.watch !== undefined)
        options.core.handle(begun.value, users.length === 0 ? { op: "watch" } : { op: "watch", users });
      return reply;
    },
  );
};

/** Begins a session for the caller and answers with its stream. Faults: those of `core.begin`. */
async function open(
  { core, maxOutboxBytes }: ApiOptions,
  connections: Set<StreamConnection>,
  request: FastifyRequest,
  reply: FastifyReply,
  { device, positions }: { readonly device: string | undefined; readonly positions: Position[] },
): Promise<Result<Session>> {
  const gone = () => connections.delete(connection);
  const connection = new StreamConnection(reply.raw, infoOf(request), maxOutboxBytes, gone);
  const login = { positions, window: core.limits.maxWindow, ...(device === undefined ? {} : { device }) };
  const begun = await core.begin(connection, request.identity, login);
  if (!begun.ok) return begun;
  const { session } = begun.value;
  if (connection.ended) {
    session.end();
    return fail("shutting_down", "the connection is gone");
  }
  // A proxy that buffers (nginx) would keep events back.
  reply.headers({ "Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no" }).hijack();
  for (const [name, value] of Object.entries(reply.getHeaders()))
    if (value !== undefined) reply.raw.setHeader(name, value);
  connections.add(connection);
  connection.start(core, begun.value);
  return ok(session);
}
