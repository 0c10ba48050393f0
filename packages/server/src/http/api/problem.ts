/**
 * What a request is answered when it fails: problem details (RFC 9457), made of a fault and the one error table. Every
 * answer of the API that is not a success is made here.
 */
import { finished } from "node:stream/promises";
import { type ErrorCode, errors, type Fault, fail } from "@parley/protocol";
import type { FastifyError, FastifyInstance, FastifyReply } from "fastify";
import { type Static, Type } from "typebox";
import type { GatewayLog } from "../../gateway/gateway.ts";
import { unexpected } from "../../gateway/unexpected.ts";
import { reference } from "./schema-reference.ts";

export const problemType = "application/problem+json";
const problemPath = "/v1/problems";

export const Problem = Type.Object(
  {
    type: Type.String({ format: "uri-reference", description: "where the kind of problem is described" }),
    title: Type.String({ description: "what the code means" }),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String({ description: "what was wrong this time, for people" }),
    code: Type.String({ description: "the code of PROTOCOL.md's error table: what programs go by" }),
    retryAfter: Type.Optional(
      Type.Integer({ minimum: 0, description: "milliseconds after which trying again makes sense" }),
    ),
  },
  { $id: "Problem", description: "A failure, as problem details (RFC 9457)." },
);

/** A fault on its way through fastify, from where only errors are let through (parsers, validators). */
export class Refusal extends Error {
  readonly fault: Fault;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.fault = fail(code, message).fault;
  }
}

/** Answers a fault. */
export function refuse(reply: FastifyReply, { code, message, retryAfterMs }: Fault): FastifyReply {
  const { http: status, meaning } = errors[code];
  if (retryAfterMs !== undefined) reply.header("Retry-After", Math.ceil(retryAfterMs / 1000));
  // RFC 9110, section 11.6.1. Not `Basic`: a browser would ask for it, and then send it for any page that asks.
  if (status === 401) reply.header("WWW-Authenticate", 'Bearer realm="parley"');
  const retry = retryAfterMs === undefined ? {} : { retryAfter: retryAfterMs };
  const problem: Static<typeof Problem> = {
    type: `${problemPath}/${code}`,
    title: meaning,
    status,
    detail: message,
    code,
    ...retry,
  };
  return reply.code(status).type(problemType).serializer(JSON.stringify).send(problem);
}

/** Faults of the request itself that fastify finds, by its own codes. */
const ofFramework: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "frame_too_large",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "bad_content_type",
  FST_ERR_BAD_URL: "unknown_path",
};

/** Makes all that goes wrong in the routes of `app` a problem. */
export function answerProblems(app: FastifyInstance, log: GatewayLog): void {
  app.setNotFoundHandler(({ method, url }, reply) =>
    refuse(reply, fail("unknown_path", `nothing is at ${method} ${url.split("?", 1)[0]}`).fault),
  );
  app.setErrorHandler(async (error: FastifyError, { raw }, reply) => {
    // Cut off while it still sends, a client would not see the answer. A request has its time limit.
    if (error.statusCode === 413) await finished(raw.resume()).catch(() => {});
    return refuse(reply, faultOf(error, log));
  });
}

function faultOf(error: FastifyError, log: GatewayLog): Fault {
  if (error instanceof Refusal) return error.fault;
  const { statusCode = 500, code, message } = error;
  if (statusCode < 500) return fail(ofFramework[code] ?? "bad_message", message).fault;
  const answer = unexpected(error, "http", log);
  return answer.ok ? fail("internal", message).fault : answer.fault;
}

/** The codes with which every operation may fail. */
const always: readonly ErrorCode[] = ["bad_message", "rate_limited", "internal"];
/** Those of operations that ask who it is. */
const whereAuthenticated: readonly ErrorCode[] = [
  "unauthorized",
  "token_expired",
  "revoked",
  "rate_limited",
  "forbidden",
  "storage_unavailable",
];

/** The documented failures of an operation, by status, for a route's `response`. */
export function problems(codes: readonly ErrorCode[], authenticated = true): Record<number, object> {
  const byStatus = new Map<number, Set<ErrorCode>>();
  for (const code of [...always, ...(authenticated ? whereAuthenticated : []), ...codes]) {
    const { http } = errors[code];
    byStatus.set(http, (byStatus.get(http) ?? new Set()).add(code));
  }
  const documented = [...byStatus].map(([status, of]) => {
    const description = [...of].map((code) => `\`${code}\`: ${errors[code].meaning}`).join(" ");
    return [status, { description, content: { [problemType]: { schema: reference(Problem) } } }] as const;
  });
  return Object.fromEntries(documented);
}

/** Describes the kinds of problem, where each problem's `type` points. */
export function problemRoutes(app: FastifyInstance): void {
  app.get<{ Params: { code: string } }>("/problems/:code", { schema: { hide: true } }, ({ params }, reply) => {
    const kind = Object.hasOwn(errors, params.code) ? errors[params.code as ErrorCode] : undefined;
    if (!kind) return refuse(reply, fail("unknown_path", "there is no problem of that kind").fault);
    return reply.send({ code: params.code, title: kind.meaning, status: kind.http, retry: kind.retry });
  });
}
