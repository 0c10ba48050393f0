/** What a part of the API is: `api.ts` has the list of them. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from "fastify";
import type { Authentication } from "../../auth/authentication.ts";
import type { Core } from "../../core/core.ts";
import type { Doors } from "../../gateway/doors.ts";
import type { GatewayLog } from "../../gateway/gateway.ts";
import type { HttpListener } from "../http-listener.ts";
import type { SchemaTypes } from "./validation.ts";

/** As what the API appears in listings and statistics. */
export const gatewayName = "http";

export interface ApiOptions {
  readonly core: Core;
  readonly auth: Authentication;
  /** The shared listener, not open yet. */
  readonly http: HttpListener;
  /** How much may wait for one stream. */
  readonly maxOutboxBytes: number;
  readonly log: GatewayLog;
  /** Who counts addresses; none: nobody. */
  readonly doors?: Doors | undefined;
}

/** Where a plugin puts its routes: paths are below `/v1`, handlers are typed by the schemas. */
export type ApiInstance = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  SchemaTypes
>;

/** Adds routes. Each names its `operationId`, `tags`, `summary` and `response` with `problems(…)`; see `people-routes.ts`. */
export type ApiPlugin = (app: ApiInstance, options: ApiOptions) => void;
