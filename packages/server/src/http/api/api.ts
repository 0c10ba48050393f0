/**
 * The HTTP API under `/v1` (docs/http-api.md): what each part of it serves is a plugin in the list below, with the schemas
 * from which requests are checked and the OpenAPI document is made. To `server.ts` it is a gateway like the others.
 */
import type { FastifyInstance } from "fastify";
import { type TSchema, Type } from "typebox";
import type { Gateway } from "../../gateway/gateway.ts";
import type { ApiOptions, ApiPlugin } from "./api-plugin.ts";
import { authenticateRequests } from "./authentication.ts";
import { backupRoutes } from "./backup-routes.ts";
import { allowPages } from "./cross-origin.ts";
import { documentRoutes, servePage } from "./documentation.ts";
import { identityRoutes } from "./identity-routes.ts";
import { refuseOtherMethods } from "./other-methods.ts";
import { answerProblems, Problem, problemRoutes } from "./problem.ts";
import { limitAddresses, limitUsers } from "./rate-limit.ts";
import { type SchemaTypes, validateRequests } from "./validation.ts";

/** Each part of the API. */
const parts: readonly ApiPlugin[] = [identityRoutes, backupRoutes];

/** Schemas that have a name in the OpenAPI document; see `reference`. */
const named: readonly TSchema[] = [Problem];

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
    name: "http",
    listeners: [{ url: `${http.url}/v1/docs`, purpose: "HTTP API: a page to try it" }],
    stop: async () => {},
  };
}
