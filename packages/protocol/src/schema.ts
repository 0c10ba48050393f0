/**
 * Every message of `parley.v1` as a TypeBox schema: the one source of the static types, the compiled validators
 * (`validate.ts`) and the check that PROTOCOL.md says the same. Fields that are not named here are ignored, so that
 * an older peer can talk to a newer one.
 */
import { type Static, Type } from "typebox";

const name = Type.String({ minLength: 1, maxLength: 256 });
const ref = Type.Optional(Type.String({ minLength: 1, maxLength: 64 }));
const clientId = Type.String({
  pattern: "^[!-~]{1,64}$",
  description: "1 to 64 printable ASCII characters without a space",
});
const seq = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const epoch = Type.String({ minLength: 1, maxLength: 64 });
const position = Type.Object({ log: name, epoch, seq });

/** Where a reader stands in a log: it has everything up to and including `seq` of `epoch`. */
export type Position = Static<typeof position>;

const durability = Type.Union([Type.Literal("fsync"), Type.Literal("memory")]);
export type Durability = Static<typeof durability>;

/** What a client may send, by `op`. */
export const clientMessages = {
  hello: Type.Object({
    op: Type.Literal("hello"),
    ref,
    user: Type.Optional(name),
    token: Type.Optional(Type.String({ maxLength: 8192 })),
    device: Type.Optional(name),
    positions: Type.Optional(Type.Array(position, { maxItems: 10_000 })),
    window: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_536 })),
  }),
  send: Type.Object({
    op: Type.Literal("send"),
    ref,
    clientId: Type.Optional(clientId),
    to: Type.Union([name, Type.Array(name, { minItems: 1, maxItems: 100 })]),
    body: Type.String(),
    encoding: Type.Optional(Type.Literal("base64")),
    contentType: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
    type: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    ttl: Type.Optional(Type.Integer({ minimum: 1, maximum: 31_536_000_000 })),
    durability: Type.Optional(durability),
    copy: Type.Optional(Type.Boolean()),
    receipt: Type.Optional(Type.Boolean()),
  }),
  ack: Type.Object({ op: Type.Literal("ack"), log: name, seq, read: Type.Optional(Type.Boolean()) }),
  reject: Type.Object({
    op: Type.Literal("reject"),
    ref,
    log: name,
    seq,
    reason: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
  }),
  join: Type.Object({ op: Type.Literal("join"), ref, room: name }),
  leave: Type.Object({ op: Type.Literal("leave"), ref, room: name }),
  history: Type.Object({
    op: Type.Literal("history"),
    ref,
    log: name,
    before: Type.Optional(seq),
    after: Type.Optional(seq),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
    with: Type.Optional(name),
  }),
  users: Type.Object({
    op: Type.Literal("users"),
    ref,
    room: Type.Optional(name),
    after: Type.Optional(name),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  }),
  rooms: Type.Object({
    op: Type.Literal("rooms"),
    ref,
    after: Type.Optional(name),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  }),
  watch: Type.Object({
    op: Type.Literal("watch"),
    ref,
    users: Type.Optional(Type.Array(name, { minItems: 1, maxItems: 1000 })),
  }),
  unwatch: Type.Object({
    op: Type.Literal("unwatch"),
    ref,
    users: Type.Optional(Type.Array(name, { minItems: 1, maxItems: 1000 })),
  }),
  renew: Type.Object({ op: Type.Literal("renew"), ref, token: Type.String({ minLength: 1, maxLength: 8192 }) }),
  ping: Type.Object({ op: Type.Literal("ping"), ref }),
  bye: Type.Object({ op: Type.Literal("bye") }),
} as const;

const state = Type.Union([Type.Literal("online"), Type.Literal("stored")]);
const errorCode = Type.String({ minLength: 1, maxLength: 64 });
const milliseconds = Type.Integer({ minimum: 0 });

const message = Type.Object({
  op: Type.Literal("message"),
  log: name,
  seq,
  id: Type.String(),
  from: name,
  to: Type.Union([name, Type.Array(name)]),
  ts: milliseconds,
  body: Type.String(),
  encoding: Type.Optional(Type.Literal("base64")),
  contentType: Type.Optional(Type.String()),
  type: Type.Optional(Type.String()),
  clientId: Type.Optional(Type.String()),
  expiresAt: Type.Optional(milliseconds),
  receipt: Type.Optional(Type.Boolean()),
  replayOf: Type.Optional(Type.String()),
});

const presence = Type.Object({ user: name, online: Type.Boolean(), lastSeen: Type.Optional(milliseconds) });
export type Presence = Static<typeof presence>;

/** What the server sends, by `op`. */
export const serverMessages = {
  welcome: Type.Object({
    op: Type.Literal("welcome"),
    ref,
    user: name,
    device: name,
    session: Type.String(),
    positions: Type.Array(position),
    limits: Type.Object({
      maxFrameBytes: Type.Integer(),
      maxBodyBytes: Type.Integer(),
      maxRecipients: Type.Integer(),
      window: Type.Integer(),
      idleMs: milliseconds,
      maxRooms: Type.Optional(Type.Integer()),
      maxWatched: Type.Optional(Type.Integer()),
      messagesPerSecond: Type.Optional(Type.Integer()),
      bytesPerSecond: Type.Optional(Type.Integer()),
    }),
    expiresIn: Type.Optional(milliseconds),
  }),
  message,
  ok: Type.Object({
    op: Type.Literal("ok"),
    ref,
    clientId: Type.Optional(Type.String()),
    id: Type.Optional(Type.String()),
    ts: Type.Optional(milliseconds),
    durability: Type.Optional(durability),
    positions: Type.Optional(Type.Array(position)),
    recipients: Type.Optional(
      Type.Array(Type.Object({ to: name, state, dead: Type.Optional(Type.Literal("inbox_full")) })),
    ),
    duplicate: Type.Optional(Type.Boolean()),
    expiresIn: Type.Optional(milliseconds),
  }),
  error: Type.Object({
    op: Type.Literal("error"),
    ref,
    clientId: Type.Optional(Type.String()),
    code: errorCode,
    message: Type.String(),
    retryAfter: Type.Optional(milliseconds),
    reconnect: Type.Optional(Type.Boolean()),
  }),
  live: Type.Object({ op: Type.Literal("live") }),
  gap: Type.Object({
    op: Type.Literal("gap"),
    log: name,
    from: seq,
    to: seq,
    reason: Type.Union([Type.Literal("retention"), Type.Literal("expired"), Type.Literal("lost")]),
  }),
  reset: Type.Object({ op: Type.Literal("reset"), log: name, epoch, seq }),
  page: Type.Object({
    op: Type.Literal("page"),
    ref,
    log: name,
    epoch,
    messages: Type.Array(message),
    next: Type.Optional(seq),
  }),
  receipt: Type.Object({
    op: Type.Literal("receipt"),
    id: Type.String(),
    clientId: Type.Optional(Type.String()),
    user: name,
    device: name,
    state: Type.Union([Type.Literal("delivered"), Type.Literal("read")]),
    ts: milliseconds,
  }),
  presence: Type.Object({ op: Type.Literal("presence"), ref, users: Type.Array(presence), next: Type.Optional(name) }),
  rooms: Type.Object({
    op: Type.Literal("rooms"),
    ref,
    rooms: Type.Array(Type.Object({ room: name, members: Type.Integer(), joined: Type.Boolean() })),
    next: Type.Optional(name),
  }),
  pong: Type.Object({ op: Type.Literal("pong"), ref, ts: milliseconds }),
  bye: Type.Object({
    op: Type.Literal("bye"),
    code: errorCode,
    message: Type.String(),
    reconnect: Type.Boolean(),
    retryAfter: Type.Optional(milliseconds),
  }),
} as const;

type Messages<Table extends Record<string, Type.TSchema>> = { [Op in keyof Table]: Static<Table[Op]> };
export type ClientMessages = Messages<typeof clientMessages>;
export type ServerMessages = Messages<typeof serverMessages>;
/** Any message that a client may send. */
export type ClientMessage = ClientMessages[keyof ClientMessages];
/** Any message that the server may send. */
export type ServerMessage = ServerMessages[keyof ServerMessages];
