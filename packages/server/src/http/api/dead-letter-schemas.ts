/** Dead letters, accounts and traces as the HTTP API shows them (docs/dead-letters.md). */

import { type DeadReason, deadReasons } from "@parley/protocol";
import { Type } from "typebox";

const time = Type.Integer({ minimum: 0, description: "milliseconds since the epoch" });
const count = Type.Integer({ minimum: 0 });
const address = Type.String({ minLength: 1, maxLength: 256 });

const reasonNames = Object.keys(deadReasons) as DeadReason[];
export const Reason = Type.Unsafe<DeadReason>(
  Type.Union(
    reasonNames.map((reason) => Type.Literal(reason)),
    { description: reasonNames.map((reason) => `\`${reason}\`: ${deadReasons[reason]}`).join("; ") },
  ),
);

/** What a message is beside its body. */
const envelope = {
  id: Type.String(),
  from: Type.String(),
  to: Type.Union([Type.String(), Type.Array(Type.String())]),
  ts: time,
  encoding: Type.Optional(Type.Literal("base64")),
  contentType: Type.Optional(Type.String()),
  type: Type.Optional(Type.String()),
  clientId: Type.Optional(Type.String()),
  expiresAt: Type.Optional(time),
  receipt: Type.Optional(Type.Literal(true)),
  replayOf: Type.Optional(Type.String({ description: "the message that this one repeats" })),
};

const Replay = Type.Object(
  { id: Type.String(), ts: time, to: Type.String() },
  { description: "the latest replay: the new message" },
);

/** A letter, without what it says of the message. */
const letter = {
  letter: Type.Integer({ minimum: 1, description: "what it is named by" }),
  reason: Reason,
  ts: Type.Integer({ minimum: 0, description: "when it became one" }),
  log: Type.String({ description: "the log that the message was in, or would have been" }),
  epoch: Type.String(),
  seq: Type.Integer({ minimum: 0, description: "its place there; 0: it never had one" }),
  pending: Type.Array(Type.String(), {
    description: "readers who had not acknowledged it, where several read the log",
  }),
  note: Type.Optional(Type.String({ description: "what the client said that rejected it" })),
  replayed: Type.Optional(Replay),
};

export const Letter = Type.Object(
  { ...letter, message: Type.Object({ ...envelope, body: Type.String() }) },
  { $id: "DeadLetter", description: "A message that left, or never reached, a reader unacknowledged." },
);

export const Replayed = Type.Object({
  letter: Type.Integer(),
  id: Type.String({ description: "of the new message" }),
  ts: time,
  to: Type.String(),
  duplicate: Type.Boolean({ description: "it had been replayed before; this is that replay" }),
});

export const Purged = Type.Object({
  purged: count,
  next: Type.Optional(Type.Integer({ description: "there may be more: go on with this as `after`" })),
});

/** What picks letters, in a query. */
export const filter = {
  reason: Type.Optional(Reason),
  address: Type.Optional(Type.String({ ...address, description: "the address that they were for" })),
  from: Type.Optional(Type.String({ ...address, description: "the sender" })),
  since: Type.Optional(Type.Integer({ minimum: 0, description: "became one then or later" })),
  until: Type.Optional(Type.Integer({ minimum: 0, description: "became one before then" })),
};

const sums = {
  accepted: count,
  acknowledged: count,
  pending: count,
  dead: Type.Integer({ minimum: 0, description: "purged ones included" }),
  missing: Type.Integer({ minimum: 0, description: "0, but for messages of durability `memory` that a crash took" }),
};

export const Account = Type.Object(
  { log: Type.String(), epoch: Type.String(), ...sums },
  { $id: "Account", description: "accepted = acknowledged + pending + dead (+ missing), of one address's log." },
);

export const Totals = Type.Object({
  logs: count,
  ...sums,
  deadLetters: Type.Object({
    byReason: Type.Record(Type.String(), count, { description: "letters that are there now" }),
    replayed: count,
  }),
});

const device = { user: Type.String(), device: Type.String() };

export const Trace = Type.Object(
  {
    id: Type.String(),
    ts: Type.Integer({ description: "when the server took it, by its id" }),
    message: Type.Optional(Type.Object({ ...envelope, bytes: count })),
    places: Type.Array(
      Type.Object({
        log: Type.String(),
        epoch: Type.String(),
        seq: Type.Integer(),
        state: Type.Union([Type.Literal("acknowledged"), Type.Literal("pending"), Type.Literal("dead")]),
        readers: Type.Array(
          Type.Object({
            user: Type.String(),
            acknowledged: Type.Boolean({ description: "on some device; from the cursors, so certain" }),
            devices: Type.Array(Type.Object({ device: Type.String(), acknowledged: Type.Boolean() })),
          }),
        ),
        moreReaders: count,
        deliveries: Type.Array(
          Type.Object({
            ...device,
            session: Type.String(),
            gateway: Type.String(),
            deliveredAt: time,
            acknowledgedAt: Type.Optional(time),
          }),
          { description: "those that are still remembered" },
        ),
      }),
    ),
    deadLetters: Type.Array(Type.Object(letter)),
    deliveriesSince: Type.Optional(
      Type.Integer({ description: "all deliveries since then are remembered; absent: none are" }),
    ),
    searched: Type.Object({
      logs: count,
      deadLetters: count,
      complete: Type.Boolean({ description: "`false`: it took too long and was given up; name an address" }),
    }),
  },
  { $id: "Trace", description: "What happened to one message." },
);
