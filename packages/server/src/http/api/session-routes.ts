/** `/v1/sessions`: the live connections of all gateways, and closing one. */
import { fail } from "@parley/protocol";
import { type Static, Type } from "typebox";
import type { Session } from "../../core/session.ts";
import { mayManage, mayOperate } from "./access.ts";
import type { ApiPlugin } from "./api-plugin.ts";
import { problems, refuse } from "./problem.ts";
import { timestamp } from "./schemas.ts";

const SessionShape = Type.Object({
  session: Type.String(),
  user: Type.String(),
  device: Type.String(),
  gateway: Type.String({ description: "the protocol it speaks" }),
  address: Type.String({ description: "where the peer connects from" }),
  since: timestamp,
  unacknowledged: Type.Integer({ description: "messages that were sent to it and are not acknowledged" }),
  window: Type.Integer({ description: "the most of those that it takes" }),
  behind: Type.Boolean({ description: "whether its logs hold messages that it was not sent yet" }),
  outboxBytes: Type.Optional(Type.Integer({ description: "what waits to be taken by the peer" })),
});

function describe(session: Session): Static<typeof SessionShape> {
  const { id, user, device, info, since, unacked, window, behind, waitingBytes } = session;
  const outbox = waitingBytes === undefined ? {} : { outboxBytes: waitingBytes };
  return { session: id, user: user.name, device, ...info, since, unacknowledged: unacked, window, behind, ...outbox };
}

export const sessionRoutes: ApiPlugin = (app, { core: { inspection } }) => {
  app.get(
    "/sessions",
    {
      schema: {
        operationId: "listSessions",
        tags: ["operation"],
        summary: "Who is connected, by which protocol",
        description: "One's own sessions; who administers sees everybody's, or those of one user.",
        querystring: Type.Object({ user: Type.Optional(Type.String({ maxLength: 256 })) }),
        response: {
          200: Type.Object({ sessions: Type.Array(SessionShape) }),
          ...problems(["bad_name", "unknown_user"]),
        },
      },
    },
    async (request, reply) => {
      const named = request.query.user === undefined ? undefined : inspection.user(request.actor, request.query.user);
      if (named && !named.ok) return refuse(reply, named.fault);
      const of = named?.value ?? (mayOperate(request) ? undefined : request.user);
      const allowed = of && mayManage(request, of);
      if (allowed && !allowed.ok) return refuse(reply, allowed.fault);
      return { sessions: inspection.sessions(of).map(describe) };
    },
  );

  app.delete(
    "/sessions/:session",
    {
      schema: {
        operationId: "closeSession",
        tags: ["operation"],
        summary: "Close a session",
        description: "One's own; who administers closes anybody's. The peer is told `closed`.",
        params: Type.Object({ session: Type.String({ minLength: 1, maxLength: 64 }) }),
        response: {
          204: Type.Null({ description: "It is closed." }),
          ...problems(["unknown_session"]),
        },
      },
    },
    async (request, reply) => {
      const session = inspection.sessions().find(({ id }) => id === request.params.session);
      // Whether somebody else's exists is nobody's business.
      if (!session || !mayManage(request, session.user).ok)
        return refuse(reply, fail("unknown_session", "no session of yours has that id").fault);
      session.close("closed", `closed by ${request.user.name}`);
      return reply.code(204).send(null);
    },
  );
};
