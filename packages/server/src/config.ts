/**
 * What can be configured: one table of settings, each with its default, what it takes and what it is for. A setting
 * comes from a flag, else the environment, else the file, else the default. All faults are reported at once, and a key
 * that is not in the table is one of them.
 */
import { readFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import { type Static, type TSchema, Type } from "typebox";
import { Compile } from "typebox/compile";
import { parse as parseYaml } from "yaml";

export interface Setting {
  readonly schema: TSchema;
  readonly fallback: unknown;
  readonly about: string;
  /** The value is not repeated where it is wrong. */
  readonly secret?: true;
}

const port = Type.Integer({ minimum: 0, maximum: 65_535 });
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
  "http.port": { schema: port, fallback: 8080, about: "port of the HTTP and WebSocket listener; 0 takes a free one" },
  "http.origins": {
    schema: Type.Array(Type.String()),
    fallback: [],
    about: "web origins that may connect, beside those on loopback",
  },
  gateways: {
    schema: Type.Array(Type.Unsafe<GatewayName>(Type.Union(gatewayNames.map((name) => Type.Literal(name))))),
    fallback: gatewayNames,
    about: `protocols that are served: ${gatewayNames.join(", ")}`,
  },
  "nativeTcp.port": { schema: port, fallback: 5790, about: "port of the native protocol over TCP; 0 takes a free one" },
  "peerJson.port": { schema: port, fallback: 5678, about: "port of the peer-json gateway; 0 takes a free one" },
  "framedTcp.port": { schema: port, fallback: 5789, about: "port of the framed-tcp gateway; 0 takes a free one" },
  "framedTcp.maxFrameBytes": {
    schema: Type.Integer({ minimum: 64, maximum: 67_108_864 }),
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
    schema: Type.Integer({ minimum: 512, maximum: 65_507 }),
    fallback: 8192,
    about: "longest datagram sent to a UDP agent; what needs a longer one becomes a dead letter",
  },
  "limits.maxFrameBytes": {
    schema: Type.Integer({ minimum: 1024, maximum: 67_108_864 }),
    fallback: 8_388_608,
    about: "longest frame taken from a client",
  },
  "limits.maxBodyBytes": {
    schema: Type.Integer({ minimum: 1, maximum: 16_777_216 }),
    fallback: 1_048_576,
    about: "longest body of a message",
  },
  "limits.maxWindow": {
    schema: Type.Integer({ minimum: 1, maximum: 65_536 }),
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
  "retention.maxAgeHours": { schema: count, fallback: 0, about: "messages older than this are trimmed; 0: never" },
  "retention.maxMessages": { schema: count, fallback: 0, about: "most messages kept in one log; 0: no limit" },
  "retention.maxBytes": { schema: count, fallback: 0, about: "most bytes kept in one log; 0: no limit" },
  "retention.intervalSeconds": {
    schema: Type.Integer({ minimum: 1 }),
    fallback: 60,
    about: "how often logs are trimmed",
  },
} as const satisfies Record<string, Setting>;

type Key = keyof typeof settings;
export type Config = { readonly [K in Key]: Static<(typeof settings)[K]["schema"]> };

export interface ConfigSources {
  /** Path of a YAML file. */
  readonly file?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Settings from the command line, by key. */
  readonly flags: Readonly<Partial<Record<Key, unknown>>>;
}

/** The configuration, or all that is wrong with it. */
export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly faults: readonly string[] };

/** The environment variable of a setting: `http.port` is `PARLEY_HTTP_PORT`. */
export function environmentName(key: string): string {
  return `PARLEY_${key
    .replaceAll(".", "_")
    .replace(/[A-Z]/g, (letter) => `_${letter}`)
    .toUpperCase()}`;
}

/** Reads and checks the configuration. */
export function loadConfig({ file, environment, flags }: ConfigSources): ConfigResult {
  const faults: string[] = [];
  const given = new Map<string, { value: unknown; from: string }>();
  for (const [key, value] of file === undefined ? [] : readFile(file, faults))
    given.set(key, { value, from: `${file}: ${key}` });
  for (const key of Object.keys(settings)) {
    const text = environment[environmentName(key)];
    if (text !== undefined) given.set(key, { value: fromText(key as Key, text), from: environmentName(key) });
  }
  for (const [key, value] of Object.entries(flags)) {
    if (value !== undefined)
      given.set(key, {
        value: typeof value === "string" ? fromText(key as Key, value) : value,
        from: `the flag for ${key}`,
      });
  }
  for (const [key, { value, from }] of given) {
    const setting: Setting | undefined = Object.hasOwn(settings, key) ? settings[key as Key] : undefined;
    if (!setting) faults.push(`${from}: there is no such setting`);
    else if (!Compile(setting.schema).Check(value))
      faults.push(`${from}: ${expectation(setting.schema)}${setting.secret ? "" : `, not ${JSON.stringify(value)}`}`);
  }
  const secret = given.get("push.appSecret")?.value;
  if (secret && secret === given.get("push.socketSecret")?.value)
    faults.push("push.appSecret and push.socketSecret: must differ, or a socket token would be an app token");
  for (const name of Object.keys(environment)) {
    if (name.startsWith("PARLEY_") && !reserved.has(name) && !environmentNames.has(name))
      faults.push(`${name}: there is no such setting`);
  }
  if (faults.length > 0) return { ok: false, faults };
  const entries = Object.entries(settings).map(([key, { fallback }]) => [key, given.get(key)?.value ?? fallback]);
  return { ok: true, config: Object.fromEntries(entries) as Config };
}

/** Variables of the command line's clients, and those of the test harness. */
const reserved = new Set(["PARLEY_URL", "PARLEY_USER", "PARLEY_TOKEN", "PARLEY_CONFIG"]);
const environmentNames: ReadonlySet<string> = new Set(Object.keys(settings).map(environmentName));

function readFile(file: string, faults: string[]): [string, unknown][] {
  try {
    const parsed: unknown = parseYaml(readFileSync(file, "utf8")) ?? {};
    if (typeof parsed === "object" && !Array.isArray(parsed)) return flatten(parsed as Record<string, unknown>, "");
    faults.push(`${file}: not a YAML mapping of settings`);
  } catch (error) {
    faults.push(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return [];
}

function flatten(tree: Record<string, unknown>, prefix: string): [string, unknown][] {
  return Object.entries(tree).flatMap(([key, value]): [string, unknown][] => {
    const path = prefix + key;
    const isTree = typeof value === "object" && value !== null && !Array.isArray(value);
    return isTree ? flatten(value as Record<string, unknown>, `${path}.`) : [[path, value]];
  });
}

/** What a text from a flag or the environment means for a setting. */
function fromText(key: Key, text: string): unknown {
  const { fallback } = settings[key];
  if (typeof fallback === "number") return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
  if (typeof fallback === "boolean")
    return text === "true" || text === "1" ? true : text === "false" || text === "0" ? false : text;
  return Array.isArray(fallback) ? text.split(",").filter((part) => part !== "") : text;
}

function expectation(schema: TSchema): string {
  const { type, description, minimum, maximum, anyOf, items } = schema as {
    type?: string;
    description?: string;
    minimum?: number;
    maximum?: number;
    anyOf?: { const: string }[];
    items?: TSchema;
  };
  if (type === "array" && items && "anyOf" in items) return expectation(items).replace("one of", "a list of some of");
  if (description) return `must be ${description}`;
  if (type === "string") return "must be a text that is not empty";
  if (anyOf) return `must be one of ${anyOf.map((option) => option.const).join(", ")}`;
  const range =
    minimum === undefined ? "" : maximum === undefined ? ` of at least ${minimum}` : ` from ${minimum} to ${maximum}`;
  return `must be ${type === "integer" || type === "array" ? "an" : "a"} ${type}${range}`;
}

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/** Why this configuration must not be served, or undefined. Open login is for this machine only. */
export function refuseToServe(config: Config): string | undefined {
  const { host, insecure } = config;
  if (config["udpAgent.multicastGroup"] !== "" && isIPv6(host))
    return `udpAgent.multicastGroup is an IPv4 group and cannot be joined on ${host}. Set an IPv4 --host, or no group.`;
  if (loopback.test(host) || insecure) return undefined;
  return (
    `Refusing to listen on ${host}: login is open, so everybody who reaches it could be anybody. ` +
    "Keep --host 127.0.0.1 and put an authenticating proxy before it, or say --insecure if you mean it."
  );
}
