/** A real server in mode `token`, with what a test's backend has: for tests in this folder. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { ask } from "../http-api/api-server.ts";
import type { NativeServer, Settings } from "../native/native-server.ts";
import { startInProcess } from "../support/server-in-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { audience, ec, ed, jwkOf, pemOf, rsa, secret } from "./keys.ts";
import { named } from "./vectors.ts";

export interface TokenServer extends NativeServer {
  /** Asks the HTTP API with a token, for a path below `/v1`. */
  askWith(authorization: string, path: string, body?: unknown, method?: string): ReturnType<typeof ask>;
  readonly url: string;
}

/** Writes a file into the test's directory. Returns its path. */
export function fileOf(t: TestContext, name: string, content: string): string {
  const path = join(temporaryDirectory(t), name);
  writeFileSync(path, content);
  return path;
}

/** The settings of a server that knows all keys of `vectors.ts`. */
export function tokenSettings(t: TestContext): Settings {
  return {
    "auth.mode": "token",
    "auth.audience": audience,
    "auth.secret": secret,
    "auth.keyFiles": [
      fileOf(t, "rsa.pem", pemOf(rsa)),
      fileOf(t, "ec.pem", pemOf(ec)),
      fileOf(t, "ed.pem", pemOf(ed)),
      fileOf(t, "named.jwk", JSON.stringify(jwkOf(named, "named"))),
    ],
  };
}

/** Starts a server with both native carriers and the HTTP API. */
export async function startAuthServer(t: TestContext, settings: Settings): Promise<TokenServer> {
  const all: Settings = { gateways: ["native-websocket", "native-tcp"], "nativeTcp.port": 0, ...settings };
  const { urls, complaints, stop } = await startInProcess(t, all, {});
  const ports = new Map(urls.map(({ protocol, port }) => [protocol, Number(port)]));
  const url = urls.find(({ protocol }) => protocol === "http:")?.origin ?? "";
  return {
    webSocketPort: ports.get("ws:") ?? 0,
    tcpPort: ports.get("tcp:") ?? 0,
    complaints,
    stop,
    urls,
    url,
    askWith: (authorization, path, body, method = body === undefined ? "GET" : "POST") =>
      ask(url, path, { method, body, headers: authorization === "" ? {} : { authorization } }),
  };
}
