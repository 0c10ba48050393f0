/**
 * Asking a server's HTTP API from the command line: where it is, as whom, and what a refusal means for people and
 * scripts. Used by the commands for who runs a server.
 */
import { complain } from "./complaint.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { whyUnreachable } from "./reachability.ts";

/** The options of commands for who runs a server. */
export interface OperatorFlags {
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

/** How to reach the server as an operator: by a token, or as anybody, which an open server takes from its own machine. */
export function operatorAccess({ url, token }: OperatorFlags): ApiAccess | ExitCode {
  const { protocol, host } = new URL(url);
  if (protocol === "tcp:") {
    complain("--url has to be that of the WebSocket and HTTP port: ws://HOST:PORT or wss://…");
    return exitCodes.usage;
  }
  const authorization = token === undefined ? `Basic ${btoa("operator:")}` : `Bearer ${token}`;
  return { url: `${protocol.replace("ws", "http")}//${host}`, authorization };
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
