/** Shapes that several parts of the API use: those of the native protocol (PROTOCOL.md), without `op`. */
import { defaultListing } from "@parley/protocol";
import { serverMessages } from "@parley/protocol/schema";
import { type TInteger, type TObject, type TProperties, type TSchema, Type } from "typebox";

/** A message of the native protocol as an answer: its fields without `op` and `ref`. */
export function withoutOp<P extends TProperties>(message: TObject<P>): TObject<Omit<P, "op" | "ref">> {
  const { op: _, ref: __, ...fields } = message.properties as TProperties;
  return Type.Object(fields) as unknown as TObject<Omit<P, "op" | "ref">>;
}

/** Gives a schema the name under which the OpenAPI document has it. */
function named<S extends TSchema>($id: string, description: string, schema: S): S {
  return { ...schema, $id, description };
}

export const Message = named(
  "Message",
  "A message at its place in a log (PROTOCOL.md, `message`).",
  withoutOp(serverMessages.message),
);

export const Presence = named(
  "Presence",
  "Whether a user has a session anywhere, and until when there was one.",
  serverMessages.presence.properties.users.items,
);

export const Position = named(
  "Position",
  "A place in a log: `seq` counts within `epoch`, which changes when the log's storage was lost or restored.",
  withoutOp(serverMessages.reset),
);

export const address = Type.String({
  minLength: 1,
  maxLength: 256,
  description: "a user, a #room (%23room in a path), or *",
});
export const userName = Type.String({ minLength: 1, maxLength: 256, description: "a user's name" });
export const roomName = Type.String({
  minLength: 1,
  maxLength: 256,
  description: "a room's name; in a path its # may be left out",
});

/** A whole number from 0, of which the document says what it is. */
export function count(description: string): TInteger {
  return Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description });
}

export const timestamp = count("milliseconds since the epoch");

/** Parameters of a list in parts. */
export const listQuery = {
  after: Type.Optional(Type.String({ maxLength: 256, description: "the `next` of the part before" })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: defaultListing })),
};

export const next = Type.Optional(Type.String({ description: "there is more: ask with `after` set to this" }));

/** A room's name as it stands in a path. */
export function roomOf(name: string): string {
  return name.startsWith("#") ? name : `#${name}`;
}
