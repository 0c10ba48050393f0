/**
 * The HTTP API under `/v1` (docs/http-api.md): what each part of it serves is a plugin in the list below, with the schemas
 * from which requests are checked and the OpenAPI document is made. To `server.ts` it is a gateway like the others.
 */
import type { FastifyInstance } from "fastify";
import { type TSchema, Type } from "typebox";
import type { Gateway } from "../../gateway/gateway.ts";
import { accountRoutes } from "./account-routes.ts";
import { type ApiOptions, type ApiPlugin, gatewayName } from "./api-plugin.ts";
import { authenticateRequests } from "./authentication.ts";
import { backupRoutes } from "./backup-routes.ts";
import { allowPages } from "./cross-origin.ts";
import { deadLetterRoutes } from "./dead-letter-routes.ts";
import { Account, Letter, Trace } from "./dead-letter-schemas.ts";
import { documentRoutes, servePage } from "./documentation.ts";
import { logRoutes } from "./log-routes.ts";
import { messageRoutes } from "./message-routes.ts";
import { refuseOtherMethods } from "./other-methods.ts";
import { peopleRoutes } from "./people-routes.ts";
import { answerProblems, Problem, problemRoutes } from "./problem.ts";
import { limitAddresses, limitUsers } from "./rate-limit.ts";
import { roomRoutes } from "./room-routes.ts";
import { Message, Position, Presence } from "./schemas.ts";
import { sessionRoutes } from "./session-routes.ts";
import { statisticsRoutes } from "./statistics-routes.ts";
import { streamRoutes } from "./stream-routes.ts";
import { tokenRoutes } from "./token-routes.ts";
import { traceRoutes } from "./trace-routes.ts";
import { type SchemaTypes, validateRequests } from "./validation.ts";

/** Each part of the API. */
const parts: readonly ApiPlugin[] = [
  messageRoutes,
  logRoutes,
  peopleRoutes,
  roomRoutes,
  sessionRoutes,
  streamRoutes,
  backupRoutes,
  statisticsRoutes,
  deadLetterRoutes,
  traceRoutes,
  tokenRoutes,
  accountRoutes,
];

/** Schemas that have a name in the OpenAPI document; see `reference`. */
const named: readonly TSchema[] = [Problem, Message, Position, Presence, Letter, Account, Trace];

/** Of routes that name no parameters of the query. */
const noParameters = Type.Object({});

/** Longest body of a request, in bytes, where a route does not say otherwise. */
const bodyLimit = 65_536;

/** Adds the API's routes to the listener. */
export function startApi(options: ApiOptions): Gateway {
  const { core, http, log, doors } = options;
  http.routes(async (listener) => {
    const version = async (app: FastifyInstance) => {
      answerProblems(app, log);
      limitAddresses(app, core, doors);
      validateRequests(app);
      allowPages(app, http);
      for (const schema of named) app.addSchema(schema);
      const refuseOthers = refuseOtherMethods(app);
      await documentRoutes(app);
      problemRoutes(app);
      await app.register(async (routes) => {
        authenticateRequests(routes, core);
        limitUsers(routes, core);
        routes.addHook("onRoute", (route) => {
          route.bodyLimit ??= bodyLimit;
          route.schema = { querystring: noParameters, ...route.schema };
          if (route.config?.access === "public") route.schema.security ??= [];
        });
        for (const part of parts) part(routes.withTypeProvider<SchemaTypes>(), options);
      });
      refuseOthers();
      await servePage(app);
    };
    await listener.register(version, { prefix: "/v1" });
  });
  return {
    name: gatewayName,
    listeners: [{ url: `${http.url}/v1/docs`, purpose: "HTTP API: a page to try it" }],
    stop: async () => {},
  };
}
