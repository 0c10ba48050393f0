/** Tells who uses a path with a method that it does not have which ones it has (RFC 9110, section 15.5.6). */
import { fail } from "@parley/protocol";
import type { FastifyInstance, HTTPMethods } from "fastify";
import { refuse } from "./problem.ts";

const methods: readonly HTTPMethods[] = ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT", "OPTIONS", "TRACE"];

/** Notes the routes that `app` and its children get from now on; call what it returns when they have them all. */
export function refuseOtherMethods(app: FastifyInstance): () => void {
  const known = new Map<string, Set<string>>();
  app.addHook("onRoute", ({ url, method }) => {
    const path = url.slice(app.prefix.length);
    known.set(path, new Set([...(known.get(path) ?? []), ...[method].flat()]));
  });
  return () => {
    for (const [path, own] of [...known]) {
      const others = methods.filter((method) => !own.has(method));
      if (others.length === 0 || path.endsWith("*")) continue;
      const allowed = [...own].join(", ");
      app.route({
        url: path,
        method: others,
        schema: { hide: true },
        onRequest: async ({ method }, reply) =>
          refuse(
            reply.header("Allow", allowed),
            fail("bad_method", `${method} is not for this path: ${allowed}`).fault,
          ),
        handler: () => undefined,
      });
    }
  };
}
