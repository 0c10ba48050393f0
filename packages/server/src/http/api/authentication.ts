/**
 * Who asks: every request says so in its `Authorization`, and the core's `Authenticate` decides. There are no cookies, so
 * that a foreign page cannot ask in its visitor's name. Routes say what they need by `config.access`.
 */
import { type Fault, fail, ok, parseUser, type Result } from "@parley/protocol";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type Actor, authorise } from "../../core/authorisation.ts";
import type { Core } from "../../core/core.ts";
import type { User } from "../../core/directory.ts";
import type { Credentials, Identity } from "../../core/identity.ts";
import { gatewayName } from "./api-plugin.ts";
import { refuse } from "./problem.ts";

/**
 * Who may use a route: `public`: anybody; `user`: everybody who is somebody; `person`: the same, but not an operator who is no
 * user of the server; `self`: the user that the path names (`:user`), or who administers; `administer`: who administers.
 */
export type Access = "public" | "user" | "person" | "self" | "administer";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Default: `user`. */
    readonly access?: Access;
    /** Whether a token may come in the query (`?token=`), for clients that cannot set headers. */
    readonly tokenInQuery?: boolean;
  }
  interface FastifyRequest {
    /** Not on `public` routes. */
    identity: Identity;
    /** The identity's user. Not on `public` routes. */
    user: User;
    /** The same, with what it may do: for `authorise`, and to act. Not on `public` routes. */
    actor: Actor;
  }
}

/** Makes the routes of `app` ask who it is, before a body is read. */
export function authenticateRequests(app: FastifyInstance, core: Core): void {
  app.decorateRequest("identity");
  app.decorateRequest("user");
  app.decorateRequest("actor");
  app.addHook("onRequest", async (request, reply) => {
    const { access = "user" } = request.routeOptions.config;
    if (access === "public" || request.is404) return undefined;
    const credentials = credentialsOf(request);
    if (!credentials.ok) return refuse(reply, credentials.fault);
    const proved = await core.authenticate(credentials.value, infoOf(request));
    if (!proved.ok) return refuse(reply, proved.fault);
    request.identity = proved.value.identity;
    request.actor = proved.value.actor;
    request.user = proved.value.actor.user;
    const refused = lacks(core, request, access);
    return refused && refuse(reply, refused);
  });
}

/**
 * Where a request comes from, for logs, listings and `Authenticate`. What a proxy passed on came from elsewhere, whoever the
 * proxy is: it has no address of this machine. What the header says is not taken: everybody can say that.
 */
export function infoOf({ socket, headers }: FastifyRequest): { readonly gateway: string; readonly address: string } {
  const passedOn = headers["x-forwarded-for"] !== undefined || headers.forwarded !== undefined;
  const peer = `${socket.remoteAddress}:${socket.remotePort}`;
  return { gateway: gatewayName, address: passedOn ? `proxy at ${peer}` : peer };
}

/** What the request lacks to be let through. */
function lacks(core: Core, { actor, user, params }: FastifyRequest, access: Access): Fault | undefined {
  if (access === "person")
    return core.user(user.name) === user ? undefined : fail("forbidden", "this is for users of the server").fault;
  if (access === "user") return undefined;
  const named = access === "self" ? parseUser((params as { user: string }).user) : undefined;
  if (named && !named.ok) return named.fault;
  const allowed = named ? authorise(actor, "manageUser", named.value.key) : authorise(actor, "operate", undefined);
  return allowed.ok ? undefined : allowed.fault;
}

/** What the request says. Fault: `unauthorized`. */
export function credentialsOf({ headers, query, routeOptions }: FastifyRequest): Result<Credentials> {
  const { authorization } = headers;
  const { token } = query as { token?: unknown };
  if (authorization !== undefined) return parseAuthorization(authorization);
  if (routeOptions.config.tokenInQuery && typeof token === "string") return ok({ token });
  return fail("unauthorized", "say who you are: Authorization: Bearer TOKEN, or Basic with your name (curl -u NAME:)");
}

/** RFC 6750, section 2.1, and RFC 7617, section 2. */
function parseAuthorization(header: string): Result<Credentials> {
  const space = header.indexOf(" ");
  const scheme = header.slice(0, Math.max(space, 0)).toLowerCase();
  const rest = header.slice(space + 1).trim();
  if (scheme === "bearer" && rest !== "") return ok({ token: rest });
  if (scheme !== "basic") return fail("unauthorized", "Authorization must be Bearer or Basic");
  const pair = Buffer.from(rest, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  if (colon < 1) return fail("unauthorized", "Authorization: Basic must be NAME:PASSWORD in base64");
  return ok({ user: pair.slice(0, colon), password: pair.slice(colon + 1) });
}
