/**
 * What can be configured: one table of settings, each with its default, what it takes and what it is for. `config.ts`
 * reads them; `parley serve --settings` prints them.
 */
import { type TSchema, Type } from "typebox";
import { limitSettings } from "./limit-settings.ts";
import { logLevels } from "./observe/log-level.ts";

export interface Setting {
  readonly schema: TSchema;
  readonly fallback: unknown;
  readonly about: string;
  /** The value is not repeated where it is wrong. */
  readonly secret?: true;
}

/** Whole numbers, both bounds included. */
function between(minimum: number, maximum: number) {
  return Type.Integer({ minimum, maximum });
}

const port = between(0, 65_535);
const count = Type.Integer({ minimum: 0 });
const flag = Type.Boolean();
const byte = "(25[0-5]|2[0-4]\\d|1?\\d?\\d)";
/** 224.0.0.0/4 (RFC 1112, section 4), or nothing. */
const multicast = `^((22[4-9]|23\\d)(\\.${byte}){3})?$`;
/** RFC 7518, section 3.2: a key for HS256 has 256 bits. */
const tokenSecret = Type.String({
  pattern: "^(?:[^]{32,})?$",
  description: "empty or at least 32 characters long",
});

function oneOf<const T extends string>(values: readonly T[]) {
  return Type.Unsafe<T>(Type.Union(values.map((value) => Type.Literal(value))));
}

/** The ways in, in the order in which they are listed. */
export const gatewayNames = [
  "native-websocket",
  "native-tcp",
  "peer-json",
  "push",
  "framed-tcp",
  "device-text",
  "udp-agent",
] as const;
export type GatewayName = (typeof gatewayNames)[number];

/** Every setting, by its key: `http.port` in the file is `http: { port: 8080 }`, in the environment `PARLEY_HTTP_PORT`. */
export const settings = {
  dataDir: {
    schema: Type.String({ minLength: 1 }),
    fallback: "./data",
    about: "directory that holds everything the server keeps",
  },
  engine: {
    schema: Type.Union([Type.Literal("level"), Type.Literal("memory")]),
    fallback: "level",
    about: "where logs live: level (on disk) or memory (gone with the process)",
  },
  host: { schema: Type.String({ minLength: 1 }), fallback: "127.0.0.1", about: "address that all listeners bind" },
  insecure: { schema: flag, fallback: false, about: "allow an address beyond loopback without authentication" },
  "auth.mode": {
    schema: Type.Union([Type.Literal("open"), Type.Literal("token"), Type.Literal("accounts")]),
    fallback: "open",
    about: "who is let in: open (everybody is whom they say), token (JWT of your backend) or accounts (kept by Parley)",
  },
  "auth.secret": {
    schema: Type.String(),
    fallback: "",
    about: "what your backend signs tokens with by HS256; at least 32 random bytes",
    secret: true,
  },
  "auth.keyFiles": {
    schema: Type.Array(Type.String({ minLength: 1 })),
    fallback: [],
    about: "files with public keys for RS256, ES256 or EdDSA: PEM, JWK or JWKS; read again when they change",
  },
  "auth.jwksUrl": { schema: Type.String(), fallback: "", about: "where your backend publishes its keys as a JWKS" },
  "auth.jwksSeconds": {
    schema: between(1, 86_400),
    fallback: 300,
    about: "how long a JWKS counts before it is fetched again: as long a removed key is still taken",
  },
  "auth.audience": { schema: Type.String(), fallback: "", about: "the `aud` that tokens for this server have" },
  "auth.issuer": { schema: Type.String(), fallback: "", about: "the `iss` that tokens must have; empty: not checked" },
  "auth.skewSeconds": {
    schema: between(0, 300),
    fallback: 5,
    about: "how far your backend's clock may be ahead (`nbf`, `iat`); `exp` is taken exactly",
  },
  "auth.maxTokenDays": {
    schema: between(1, 3660),
    fallback: 366,
    about: "tokens that live longer than this are refused",
  },
  "auth.sessionHours": {
    schema: between(1, 8784),
    fallback: 24,
    about: "how long a session lasts that began by a password",
  },
  "http.port": { schema: port, fallback: 8080, about: "port of the HTTP and WebSocket listener; 0 takes a free one" },
  "http.origins": {
    schema: Type.Array(Type.String()),
    fallback: [],
    about: "web origins that may connect, beside those on loopback",
  },
  "http.api": { schema: flag, fallback: true, about: "serve the HTTP API under /v1 on the HTTP listener" },
  "tls.cert": {
    schema: Type.String(),
    fallback: "",
    about: "PEM file with the certificate of all TCP and WebSocket listeners; empty: no TLS",
  },
  "tls.key": { schema: Type.String(), fallback: "", about: "PEM file with the key of tls.cert" },
  "tls.minVersion": {
    schema: oneOf(["TLSv1.2", "TLSv1.3"]),
    fallback: "TLSv1.2",
    about: "oldest version of TLS that is spoken: TLSv1.2 or TLSv1.3",
  },
  "log.level": { schema: oneOf(logLevels), fallback: "info", about: `least that is logged: ${logLevels.join(", ")}` },
  "log.format": {
    schema: oneOf(["auto", "json", "text"]),
    fallback: "auto",
    about: "how: json, text, or auto: text where standard error is a terminal",
  },
  "log.slowCommitMs": {
    schema: Type.Integer({ minimum: 1 }),
    fallback: 1000,
    about: "a message that waits longer than this for the disk is a warning in the log",
  },
  "metrics.serve": {
    schema: oneOf(["shared", "own", "off"]),
    fallback: "shared",
    about: "where /metrics is: on the HTTP listener of http.port, on one of its own, or nowhere",
  },
  "metrics.host": {
    schema: Type.String({ minLength: 1 }),
    fallback: "127.0.0.1",
    about: "address of the own listener",
  },
  "metrics.port": { schema: port, fallback: 9464, about: "port of the own listener; 0 takes a free one" },
  "drain.seconds": {
    schema: between(1, 3600),
    fallback: 8,
    about: "how long SIGTERM may take to end the server in good order",
  },
  durability: {
    schema: Type.Union([Type.Literal("fsync"), Type.Literal("memory")]),
    fallback: "fsync",
    about:
      "of messages whose protocol cannot ask for one: fsync (on disk before anybody is told) or memory (may be lost in a crash)",
  },
  gateways: {
    schema: Type.Array(oneOf(gatewayNames)),
    fallback: gatewayNames,
    about: `protocols that are served: ${gatewayNames.join(", ")}`,
  },
  "nativeTcp.port": { schema: port, fallback: 5790, about: "port of the native protocol over TCP; 0 takes a free one" },
  "peerJson.port": { schema: port, fallback: 5678, about: "port of the peer-json gateway; 0 takes a free one" },
  "framedTcp.port": { schema: port, fallback: 5789, about: "port of the framed-tcp gateway; 0 takes a free one" },
  "framedTcp.maxFrameBytes": {
    schema: between(64, 67_108_864),
    fallback: 1_048_576,
    about: "longest frame taken from a client of the framed-tcp gateway",
  },
  "push.origins": {
    schema: Type.Array(Type.String()),
    fallback: ["http://localhost:4000"],
    about: "web origins that may use the push gateway, beside the server's own",
  },
  "push.appSecret": {
    schema: tokenSecret,
    fallback: "",
    about: "what the push gateway signs app tokens with; empty: its own, kept in the store",
    secret: true,
  },
  "push.socketSecret": {
    schema: tokenSecret,
    fallback: "",
    about: "the same for socket tokens; another one",
    secret: true,
  },
  "push.redisUrl": {
    schema: Type.String({
      pattern: "^(?:rediss?://[^]+)?$",
      description: "empty, or begin with redis:// or rediss://",
    }),
    fallback: "",
    about: "Redis whose channel `notifications` the push gateway listens to; empty: none",
    secret: true,
  },
  "deviceText.port": { schema: port, fallback: 8081, about: "port of the device-text gateway; 0 takes a free one" },
  "deviceText.origins": {
    schema: Type.Array(Type.String()),
    fallback: ["null"],
    about: "web origins that may use device-text, beside those of http.origins; null: pages that were opened as a file",
  },
  "udpAgent.port": {
    schema: port,
    fallback: 10_000,
    about: "port of the udp-agent gateway for messages; 0 takes a free one",
  },
  "udpAgent.discoveryPort": {
    schema: port,
    fallback: 10_001,
    about: "port where UDP agents find the broker; 0 takes a free one",
  },
  "udpAgent.multicastGroup": {
    schema: Type.String({ pattern: multicast, description: "an IPv4 multicast address, or nothing" }),
    fallback: "",
    about: "multicast group where UDP agents may also find the broker; nothing: none",
  },
  "udpAgent.inactivityMs": {
    schema: Type.Integer({ minimum: 300 }),
    fallback: 300_000,
    about: "silence after which a UDP agent is offline",
  },
  "udpAgent.maxDatagramBytes": {
    schema: between(512, 65_507),
    fallback: 8192,
    about: "longest datagram sent to a UDP agent; what needs a longer one becomes a dead letter",
  },
  ...limitSettings,
  "limits.maxFrameBytes": {
    schema: between(1024, 67_108_864),
    fallback: 8_388_608,
    about: "longest frame taken from a client",
  },
  "limits.maxBodyBytes": {
    schema: between(1, 16_777_216),
    fallback: 1_048_576,
    about: "longest body of a message",
  },
  "limits.maxWindow": {
    schema: between(1, 65_536),
    fallback: 65_536,
    about: "most unacknowledged messages a session may ask for",
  },
  "limits.maxOutboxBytes": {
    schema: Type.Integer({ minimum: 65_536 }),
    fallback: 1_048_576,
    about: "bytes that may wait for one connection before it becomes a reader of its log",
  },
  "limits.idleMs": {
    schema: Type.Integer({ minimum: 300 }),
    fallback: 90_000,
    about: "silence after which a connection is closed",
  },
  "delivery.unackedHours": {
    schema: Type.Number({ minimum: 0 }),
    fallback: 0,
    about: "messages not acknowledged for so long become dead letters, and delivery goes on behind them; 0: never",
  },
  "trace.deliveries": {
    schema: between(0, 10_000_000),
    fallback: 100_000,
    about: "how many deliveries and acknowledgements are remembered for `parley trace`, 32 bytes each; 0: none",
  },
  "retention.maxAgeHours": { schema: count, fallback: 0, about: "messages older than this are trimmed; 0: never" },
  "retention.maxMessages": { schema: count, fallback: 0, about: "most messages kept in one log; 0: no limit" },
  "retention.maxBytes": { schema: count, fallback: 0, about: "most bytes kept in one log; 0: no limit" },
  "retention.intervalSeconds": {
    schema: Type.Integer({ minimum: 1 }),
    fallback: 60,
    about: "how often logs are trimmed",
  },
} as const satisfies Record<string, Setting>;
