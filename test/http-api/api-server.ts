/** A real server with its HTTP API, and asking it as a user does: over a socket, with `fetch`. */
import type { TestContext } from "node:test";
import type { ServerParts } from "../../packages/server/src/server.ts";
import { type Settings, startInProcess } from "../support/server-in-process.ts";

export interface Asked {
  readonly method?: string;
  /** Whom `Authorization: Basic` names; undefined: nobody. */
  readonly as?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, text as it is. */
  readonly body?: unknown;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Parsed where it is JSON of any kind, else undefined. */
  readonly json: unknown;
}

export interface ApiServer {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly tcpPort: number;
  /** What it wrote into its log of errors. A test that expects some takes them out. */
  readonly complaints: string[];
  /** Asks for a path below `/v1`, encoded. */
  ask(path: string, asked?: Asked): Promise<Answered>;
  stop(): Promise<void>;
}

/** Starts a server that ends with the test, with the native protocol over TCP beside the API. */
export async function startApiServer(
  t: TestContext,
  settings: Settings = {},
  parts: Partial<ServerParts> = {},
): Promise<ApiServer> {
  const all: Settings = { gateways: ["native-tcp"], "nativeTcp.port": 0, ...settings };
  const { urls, complaints, stop } = await startInProcess(t, all, parts);
  const url = urls.find(({ protocol }) => protocol === "http:")?.origin ?? "";
  const tcpPort = Number(urls.find(({ protocol }) => protocol === "tcp:")?.port);
  return { url, tcpPort, complaints, stop, ask: (path, asked) => ask(url, path, asked) };
}

/** `Authorization` of HTTP for a name, as `curl -u` makes it. */
export function basic(user: string, password = ""): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

/** Asks a server for a path below `/v1`. */
export async function ask(
  url: string,
  path: string,
  { method = "GET", as, headers, body }: Asked = {},
): Promise<Answered> {
  const isText = typeof body === "string";
  const response = await fetch(`${url}/v1${path}`, {
    method,
    headers: {
      ...(as === undefined ? {} : { authorization: basic(as) }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    redirect: "error",
  });
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
  const text = isStream ? await beginningOf(response) : await response.text();
  const isJson = /^application\/(problem\+)?json\b/.test(response.headers.get("content-type") ?? "");
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
}

/** What comes first of an answer that has no end. */
async function beginningOf({ body }: Response): Promise<string> {
  const reader = body?.getReader();
  const chunk = await reader?.read();
  await reader?.cancel();
  return Buffer.from(chunk?.value ?? []).toString();
}
