/** `/v1/me` and `/v1/users`: who there is, who is online, with which devices and how far those are. */
import { defaultListing } from "@parley/protocol";
import { Type } from "typebox";
import type { ApiPlugin } from "./api-plugin.ts";
import { problems, refuse } from "./problem.ts";
import { reference } from "./schema-reference.ts";
import { count, listQuery, next, Presence, timestamp, userName } from "./schemas.ts";

const Me = Type.Object({
  user: Type.String(),
  device: Type.Optional(Type.String({ description: "the only device that the caller may be" })),
  administers: Type.Boolean(),
  expiresAt: Type.Optional(count("when the token expires, in milliseconds since the epoch")),
});

const User = Type.Object({
  user: Type.String(),
  online: Type.Boolean(),
  lastSeen: Type.Optional(timestamp),
  createdAt: timestamp,
});

const Device = Type.Object({
  device: Type.String(),
  online: Type.Boolean(),
  cursors: Type.Array(
    Type.Object({
      log: Type.String(),
      epoch: Type.String(),
      seq: Type.Integer({ description: "the device has acknowledged everything up to here" }),
      tail: Type.Integer({ description: "the log's last seq" }),
    }),
  ),
});

const params = Type.Object({ user: userName });

export const peopleRoutes: ApiPlugin = (app, { core: { inspection } }) => {
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

  app.get(
    "/users",
    {
      schema: {
        operationId: "listUsers",
        tags: ["people"],
        summary: "Who there is, and who is online",
        querystring: Type.Object({
          ...listQuery,
          online: Type.Optional(Type.Boolean({ description: "only who is online" })),
        }),
        response: { 200: Type.Object({ users: Type.Array(reference(Presence)), next }), ...problems(["bad_name"]) },
      },
    },
    async ({ actor, query: { online = false, limit = defaultListing, ...after } }, reply) => {
      const users = inspection.users(actor, { ...after, limit }, online);
      if (!users.ok) return refuse(reply, users.fault);
      const { items, ...more } = users.value;
      return { users: [...items], ...more };
    },
  );

  app.get(
    "/users/:user",
    {
      schema: {
        operationId: "getUser",
        tags: ["people"],
        summary: "A user, and whether online",
        params,
        response: { 200: User, ...problems(["bad_name", "unknown_user"]) },
      },
    },
    async ({ actor, params }, reply) => {
      const user = inspection.user(actor, params.user);
      if (!user.ok) return refuse(reply, user.fault);
      return { ...inspection.presence(user.value), createdAt: user.value.createdAt };
    },
  );

  app.get(
    "/users/:user/devices",
    {
      config: { access: "self" },
      schema: {
        operationId: "listDevices",
        tags: ["people"],
        summary: "A user's devices, and how far they have acknowledged",
        description: "One's own; who administers sees everybody's.",
        params,
        response: {
          200: Type.Object({ user: Type.String(), devices: Type.Array(Device) }),
          ...problems(["bad_name", "unknown_user"]),
        },
      },
    },
    async ({ actor, params }, reply) => {
      const user = inspection.user(actor, params.user);
      if (!user.ok) return refuse(reply, user.fault);
      const devices = await inspection.devices(user.value);
      return { user: user.value.name, devices: devices.map((one) => ({ ...one, cursors: [...one.cursors] })) };
    },
  );
};
