/**
 * The settings of how much may be asked of the server (`core/limits/policy.ts` has the defaults, docs/limits.md the table),
 * and the policy that they make. Part of `settings.ts`; read by `server.ts`.
 */
import { maxRecipients } from "@parley/protocol";
import { Type } from "typebox";
import { type AddressPolicy, defaultPolicy, type LimitPolicy, type Rate } from "./core/limits/policy.ts";

const count = Type.Integer({ minimum: 0 });
const { connection, user, address } = defaultPolicy;

export const limitSettings = {
  "limits.loginMs": {
    schema: Type.Integer({ minimum: 100 }),
    fallback: defaultPolicy.loginMs,
    about: "time from the connection to a successful login",
  },
  "limits.maxRecipients": {
    schema: Type.Integer({ minimum: 1, maximum: maxRecipients }),
    fallback: defaultPolicy.maxRecipients,
    about: "most addresses in one send",
  },
  "limits.maxRooms": {
    schema: count,
    fallback: defaultPolicy.maxRooms,
    about: "most rooms that a user is a member of; 0: no limit",
  },
  "limits.maxWatched": {
    schema: count,
    fallback: defaultPolicy.maxWatched,
    about: "most users whose presence one session watches by name; 0: no limit",
  },
  "limits.maxSessions": {
    schema: count,
    fallback: defaultPolicy.maxSessions,
    about: "most sessions of one user; 0: no limit",
  },
  "limits.connection.messagesPerSecond": {
    schema: count,
    fallback: connection.messagesPerSecond,
    about: "frames of any kind taken from one connection, twice as many at once; 0: no limit",
  },
  "limits.connection.bytesPerSecond": {
    schema: count,
    fallback: connection.bytesPerSecond,
    about: "bytes taken from one connection, twice as many at once; 0: no limit",
  },
  "limits.user.messagesPerSecond": {
    schema: count,
    fallback: user.messagesPerSecond,
    about: "the same for all connections of one user together",
  },
  "limits.user.bytesPerSecond": {
    schema: count,
    fallback: user.bytesPerSecond,
    about: "the same for all connections of one user together",
  },
  "limits.address.messagesPerSecond": {
    schema: count,
    fallback: address.messagesPerSecond,
    about: "the same for all connections of one address together",
  },
  "limits.address.bytesPerSecond": {
    schema: count,
    fallback: address.bytesPerSecond,
    about: "the same for all connections of one address together",
  },
  "limits.address.connections": {
    schema: count,
    fallback: address.connections,
    about: "most connections of one address; 0: no limit",
  },
  "limits.address.unauthenticated": {
    schema: count,
    fallback: address.unauthenticated,
    about: "most of them on which nobody has logged in; 0: no limit",
  },
  "limits.address.connectionsPerSecond": {
    schema: count,
    fallback: address.connectionsPerSecond,
    about: "new connections of one address, twice as many at once; 0: no limit",
  },
  "limits.exemptAddresses": {
    schema: Type.Array(
      Type.String({
        pattern: "^[0-9A-Fa-f:.]+(/\\d{1,3})?$",
        description: "a list of IP addresses and networks such as 10.0.0.0/8",
      }),
    ),
    fallback: ["127.0.0.0/8", "::1"],
    about: "addresses and networks to which limits.address does not apply",
  },
  "limits.inboxMessages": {
    schema: count,
    fallback: defaultPolicy.inboxMessages,
    about: "most messages that wait unacknowledged for one user; 0: no limit",
  },
  "limits.inboxBytes": {
    schema: count,
    fallback: defaultPolicy.inboxBytes,
    about: "most bytes of them; 0: no limit",
  },
  "limits.inboxFull": {
    schema: Type.Union([Type.Literal("refuse"), Type.Literal("dead-letter")]),
    fallback: defaultPolicy.inboxFull,
    about:
      "a message to a full inbox: refuse (the sender gets inbox_full) or dead-letter (it is accepted and kept as one)",
  },
} as const;

type LimitConfig = {
  readonly [K in Exclude<keyof typeof limitSettings, "limits.exemptAddresses" | "limits.inboxFull">]: number;
} & {
  readonly "limits.inboxFull": LimitPolicy["inboxFull"];
};

/** What the settings make. */
export function policyOf(config: LimitConfig): LimitPolicy {
  const rateOf = (scope: "connection" | "user" | "address"): Rate => ({
    messagesPerSecond: config[`limits.${scope}.messagesPerSecond`],
    bytesPerSecond: config[`limits.${scope}.bytesPerSecond`],
  });
  const ofAddress: AddressPolicy = {
    ...rateOf("address"),
    connections: config["limits.address.connections"],
    unauthenticated: config["limits.address.unauthenticated"],
    connectionsPerSecond: config["limits.address.connectionsPerSecond"],
  };
  return {
    loginMs: config["limits.loginMs"],
    maxRecipients: config["limits.maxRecipients"],
    maxRooms: config["limits.maxRooms"],
    maxWatched: config["limits.maxWatched"],
    maxSessions: config["limits.maxSessions"],
    connection: rateOf("connection"),
    user: rateOf("user"),
    address: ofAddress,
    inboxMessages: config["limits.inboxMessages"],
    inboxBytes: config["limits.inboxBytes"],
    inboxFull: config["limits.inboxFull"],
  };
}
