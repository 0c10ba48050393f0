/** `/v1/rooms`: which rooms there are, who is in them, coming in and going out. */
import { defaultListing } from "@parley/protocol";
import { Type } from "typebox";
import { actorOf } from "../../core/authorisation.ts";
import type { Room, User } from "../../core/directory.ts";
import { everydayRights } from "../../core/identity.ts";
import type { ApiPlugin } from "./api-plugin.ts";
import { problems, refuse } from "./problem.ts";
import { reference } from "./schema-reference.ts";
import { listQuery, next, Presence, roomName, roomOf, userName } from "./schemas.ts";

const RoomShape = Type.Object({
  room: Type.String(),
  members: Type.Integer({ description: "how many there are" }),
  joined: Type.Boolean({ description: "whether the caller is one of them" }),
});

function describe({ name, members, key }: Room, { rooms }: User) {
  return { room: name, members: members.size, joined: rooms.has(key) };
}

export const roomRoutes: ApiPlugin = (app, { core }) => {
  const { inspection } = core;

  app.get(
    "/rooms",
    {
      schema: {
        operationId: "listRooms",
        tags: ["rooms"],
        summary: "Which rooms there are",
        querystring: Type.Object(listQuery),
        response: { 200: Type.Object({ rooms: Type.Array(RoomShape), next }), ...problems(["bad_name"]) },
      },
    },
    async ({ actor, user, query: { limit = defaultListing, ...after } }, reply) => {
      const rooms = inspection.rooms(actor, { ...after, limit });
      if (!rooms.ok) return refuse(reply, rooms.fault);
      const { items, ...more } = rooms.value;
      return { rooms: items.map((room) => describe(room, user)), ...more };
    },
  );

  app.post(
    "/rooms",
    {
      config: { access: "person" },
      schema: {
        operationId: "createRoom",
        tags: ["rooms"],
        summary: "Make a room, with its first members",
        description: "Or add members to a room that one is in. Who asks becomes a member too.",
        body: Type.Object(
          {
            room: roomName,
            members: Type.Optional(Type.Array(userName, { maxItems: 1000 })),
          },
          { examples: [{ room: "#team", members: ["bob"] }] },
        ),
        response: {
          201: {
            description: "They are members.",
            content: {
              "application/json": {
                schema: Type.Object({
                  room: Type.String(),
                  members: Type.Array(Type.String()),
                  unknown: Type.Array(Type.String({ description: "no user has this name" })),
                }),
              },
            },
          },
          ...problems([
            "bad_json",
            "bad_utf8",
            "bad_name",
            "not_member",
            "too_many",
            "frame_too_large",
            "bad_content_type",
          ]),
        },
      },
    },
    async ({ actor, body: { room, members = [] } }, reply) => {
      const made = await core.addMembers(actor, roomOf(room), members);
      return made.ok ? reply.code(201).send(made.value) : refuse(reply, made.fault);
    },
  );

  const inRoom = Type.Object({ room: roomName });
  app.get(
    "/rooms/:room",
    {
      schema: {
        operationId: "getRoom",
        tags: ["rooms"],
        summary: "A room",
        params: inRoom,
        response: { 200: RoomShape, ...problems(["bad_name", "unknown_room"]) },
      },
    },
    async ({ actor, user, params }, reply) => {
      const room = inspection.room(actor, roomOf(params.room));
      return room.ok ? describe(room.value, user) : refuse(reply, room.fault);
    },
  );

  app.get(
    "/rooms/:room/members",
    {
      schema: {
        operationId: "listMembers",
        tags: ["rooms"],
        summary: "Who is in a room, and who of them is online",
        params: inRoom,
        querystring: Type.Object({ ...listQuery, online: Type.Optional(Type.Boolean()) }),
        response: {
          200: Type.Object({ room: Type.String(), members: Type.Array(reference(Presence)), next }),
          ...problems(["bad_name", "unknown_room"]),
        },
      },
    },
    async ({ actor, params, query: { online = false, limit = defaultListing, ...after } }, reply) => {
      const room = inspection.room(actor, roomOf(params.room));
      if (!room.ok) return refuse(reply, room.fault);
      const members = inspection.users(actor, { ...after, limit }, online, room.value);
      if (!members.ok) return refuse(reply, members.fault);
      const { items, ...more } = members.value;
      return { room: room.value.name, members: [...items], ...more };
    },
  );

  const membership = Type.Object({ room: roomName, user: userName });
  app.put(
    "/rooms/:room/members/:user",
    {
      config: { access: "self" },
      schema: {
        operationId: "joinRoom",
        tags: ["rooms"],
        summary: "Join a room, which is made if it is new",
        description: "Oneself; who administers makes others members.",
        params: membership,
        response: {
          204: Type.Null({ description: "A member, now or already." }),
          ...problems(["bad_name", "unknown_user", "too_many"]),
        },
      },
    },
    async ({ actor, params }, reply) => {
      const member = inspection.user(actor, params.user);
      if (!member.ok) return refuse(reply, member.fault);
      // Who administers does it in the other's place, whose tokens may be restricted or not.
      const joining = member.value === actor.user ? actor : actorOf(member.value, { rights: everydayRights });
      const joined = await core.join(joining, roomOf(params.room));
      return joined.ok ? reply.code(204).send(null) : refuse(reply, joined.fault);
    },
  );

  app.delete(
    "/rooms/:room/members/:user",
    {
      config: { access: "self" },
      schema: {
        operationId: "leaveRoom",
        tags: ["rooms"],
        summary: "Leave a room",
        description: "Oneself; who administers takes others out.",
        params: membership,
        response: {
          204: Type.Null({ description: "No member any more." }),
          ...problems(["bad_name", "unknown_user", "unknown_room", "not_member"]),
        },
      },
    },
    async ({ actor, params }, reply) => {
      const member = inspection.user(actor, params.user);
      if (!member.ok) return refuse(reply, member.fault);
      const left = await core.leave(member.value, roomOf(params.room));
      return left.ok ? reply.code(204).send(null) : refuse(reply, left.fault);
    },
  );
};
