/** `GET /v1/me`: whom the server takes the caller for. */
import { Type } from "typebox";
import type { ApiPlugin } from "./api-plugin.ts";
import { problems } from "./problem.ts";

const Me = Type.Object({
  user: Type.String(),
  device: Type.Optional(Type.String({ description: "the only device that the caller may be" })),
  administers: Type.Boolean(),
  expiresAt: Type.Optional(Type.Integer({ description: "when the token expires, in milliseconds since the epoch" })),
});

export const identityRoutes: ApiPlugin = (app) => {
  app.get(
    "/me",
    {
      schema: {
        operationId: "getMe",
        tags: ["people"],
        summary: "Whom the server takes you for",
        response: { 200: Me, ...problems([]) },
      },
    },
    async ({ user, identity: { device, rights, expiresAt } }) => ({
      user: user.name,
      ...(device === undefined ? {} : { device }),
      administers: rights.administer,
      ...(expiresAt === Number.POSITIVE_INFINITY ? {} : { expiresAt }),
    }),
  );
};
