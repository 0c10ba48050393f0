/**
 * Asking a server's HTTP API from the command line: where it is, as whom, and what a refusal means for people and
 * scripts. Who may read the server's data directory administers it by the operator's file there; from elsewhere it
 * takes the token of somebody who does. Used by `parley user` and `parley token`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type OperatorFile, operatorFileName } from "../auth/operator-file.ts";
import { complain } from "./complaint.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { whyUnreachable } from "./reachability.ts";

/** The options of commands for who runs a server. */
export interface OperatorFlags {
  readonly dataDir: string;
  readonly url: string;
  readonly token?: string;
}

export interface ApiAccess {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  readonly authorization: string;
}

export type ApiAnswer =
  | { readonly ok: true; readonly value: unknown }
  /** Has been explained on standard error. */
  | { readonly ok: false; readonly exit: ExitCode };

const timeoutMs = 30_000;

/** How to reach the server as an operator; complains and gives the exit code where there is no way. */
export function operatorAccess({ dataDir, url, token }: OperatorFlags): ApiAccess | ExitCode {
  if (token !== undefined) return { url: apiUrl(url), authorization: `Bearer ${token}` };
  const path = join(dataDir, operatorFileName);
  try {
    const file = JSON.parse(readFileSync(path, "utf8")) as OperatorFile;
    return { url: file.url, authorization: `Bearer ${file.token}` };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT") complain(`${path} cannot be read: ${message}`);
    else
      complain(
        `no server runs on ${dataDir} (no ${operatorFileName} there). Start \`parley serve\`, or say --data-dir; for a server elsewhere, --url and a token.`,
      );
    return code === "ENOENT" ? exitCodes.unreachable : exitCodes.failed;
  }
}

/** `Authorization: Basic`, for a user of mode `accounts`. */
export function passwordAccess(url: string, user: string, password: string): ApiAccess {
  return { url: apiUrl(url), authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
}

/** The HTTP address of a server's WebSocket. */
export function apiUrl(url: string): string {
  const { host, protocol } = new URL(url);
  return `${protocol.replace("ws", "http")}//${host}`;
}

/** Asks; what is wrong is told on standard error. `path` is below `/v1` and encoded. */
export async function askApi(access: ApiAccess, method: string, path: string, body?: object): Promise<ApiAnswer> {
  let response: Response;
  try {
    response = await fetch(`${access.url}/v1${path}`, {
      method,
      headers: {
        authorization: access.authorization,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch {
    const why = (await whyUnreachable(access.url)) ?? "it does not answer as Parley's HTTP API";
    complain(`cannot reach ${access.url}: ${why}. Is \`parley serve\` running, with http.api on?`);
    return { ok: false, exit: exitCodes.unreachable };
  }
  const value: unknown = await response.json().catch(() => undefined);
  if (response.ok) return { ok: true, value };
  const { detail, code } = (value ?? {}) as { detail?: string; code?: string };
  complain(detail === undefined ? `${access.url} answered with status ${response.status}` : `${detail} (${code})`);
  return { ok: false, exit: exitCodes.failed };
}
