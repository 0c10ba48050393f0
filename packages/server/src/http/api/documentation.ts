/** The OpenAPI document, made of the routes' own schemas, and a page to try them, which needs nothing from elsewhere. */
import { readFileSync } from "node:fs";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";

const { version } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

const tags = [
  { name: "messages", description: "Sending, reading back, being told." },
  { name: "people", description: "Users, their presence, their devices." },
  { name: "rooms", description: "Rooms and who is in them." },
  { name: "operation", description: "What an operator looks at: sessions, dead letters, statistics." },
];

/** Collects the routes that `app` gets from now on; serves the document at `/openapi.json`. */
export async function documentRoutes(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    convertConstToEnum: false,
    openapi: {
      openapi: "3.1.1",
      info: { title: "Parley", version, description: "The HTTP API of a Parley server.", license: { name: "MIT" } },
      servers: [{ url: "/" }],
      tags,
      components: {
        securitySchemes: {
          token: { type: "http", scheme: "bearer", description: "A token of this server or of your own backend." },
          name: {
            type: "http",
            scheme: "basic",
            description: "A name and its password; with open login any password.",
          },
        },
      },
      security: [{ token: [] }, { name: [] }],
    },
    refResolver: { buildLocalReference: ({ $id }, _, __, index) => String($id ?? `Schema${index}`) },
  });
  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
}

const policy = [
  "default-src 'self'",
  // The page's style sheet draws its arrows by `data:` images.
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Serves a page at `/docs` to try what the document describes. */
export async function servePage(app: FastifyInstance): Promise<void> {
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    indexPrefix: app.prefix,
    staticCSP: policy,
    theme: { title: "Parley HTTP API" },
    uiConfig: { docExpansion: "list", persistAuthorization: false, tryItOutEnabled: true },
  });
}
