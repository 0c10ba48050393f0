/**
 * Reads the configuration: every setting of `settings.ts` comes from a flag, else the environment, else the file, else
 * the default. All faults are reported at once, and a key that is not in the table is one of them.
 */
import { readFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import type { Static, TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { parse as parseYaml } from "yaml";
import { isLoopback } from "./auth/peer-address.ts";
import { type Setting, settings } from "./settings.ts";

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
  if ((given.get("tls.cert")?.value ?? "") === "" ? given.get("tls.key")?.value : !given.get("tls.key")?.value)
    faults.push("tls.cert and tls.key: give both, or neither");
  for (const name of Object.keys(environment)) {
    if (name.startsWith("PARLEY_") && !reserved.has(name) && !environmentNames.has(name))
      faults.push(`${name}: there is no such setting`);
  }
  if (faults.length > 0) return { ok: false, faults };
  const entries = Object.entries(settings).map(([key, { fallback }]) => [key, given.get(key)?.value ?? fallback]);
  return { ok: true, config: Object.fromEntries(entries) as Config };
}

/** Variables of the command line's clients, and those of the test harness. */
const reserved = new Set(["PARLEY_URL", "PARLEY_USER", "PARLEY_TOKEN", "PARLEY_CONFIG", "PARLEY_CA"]);
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

/** Whether only who is on this machine may be anybody: the protection is the address alone. */
export function isForThisMachine(config: Config): boolean {
  return config["auth.mode"] === "open" && isLoopback(config.host);
}

/** Why this configuration must not be served, or undefined. Open login is for this machine only. */
export function refuseToServe(config: Config): string | undefined {
  const { host, insecure } = config;
  if (config["udpAgent.multicastGroup"] !== "" && isIPv6(host))
    return `udpAgent.multicastGroup is an IPv4 group and cannot be joined on ${host}. Set an IPv4 --host, or no group.`;
  if (config["auth.mode"] !== "open" || isLoopback(host) || insecure) return undefined;
  return (
    `Refusing to listen on ${host}: login is open, so everybody who reaches it could be anybody. Set auth.mode to token ` +
    "(JWT of your backend) or accounts (kept by Parley), see docs/authentication.md; or say --insecure if you mean it."
  );
}

/** What somebody should know who serves this configuration all the same, or undefined. */
export function warnOf({ host, insecure, "auth.mode": mode }: Config): string | undefined {
  if (mode !== "open" || isLoopback(host) || !insecure) return undefined;
  return `WARNING: login is open on ${host}: everybody who reaches it can be anybody and read what is theirs.`;
}
