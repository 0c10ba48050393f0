/**
 * What goes wrong, told to people on standard error and to scripts by the exit code. The one place that turns an error
 * into both.
 */
import { ParleyError } from "@parley/client";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { printable } from "./printable.ts";
import { whyUnreachable } from "./reachability.ts";

/** Codes of the client library that mean: no server there, or not any more. */
const unreachableCodes: ReadonlySet<string> = new Set(["unreachable", "disconnected", "timeout", "hello_timeout"]);

/** Says something on standard error, as one line. */
export function complain(text: string): void {
  console.error(`parley: ${printable(text)}`);
}

/** Explains an error of the client on standard error. Returns the exit code that goes with it. Bugs are thrown on. */
export async function complainAbout(error: unknown, url: string): Promise<ExitCode> {
  if (!(error instanceof ParleyError)) throw error;
  if (unreachableCodes.has(error.code)) {
    complain(await unreachable(error, url));
    return exitCodes.unreachable;
  }
  complain(explain(error));
  return error.code === "bad_argument" || error.code === "bad_name" ? exitCodes.usage : exitCodes.failed;
}

/** An error in a sentence, with what helps where that is known. */
export function explain({ code, message }: ParleyError): string {
  switch (code) {
    case "unknown_user":
    case "unknown_room":
    case "not_member":
      return message;
    case "replaced":
      return "the same user connected again with the same device name; this connection has ended";
    case "closed":
      return "the connection was closed before the answer came";
    default:
      return `${message} (${code})`;
  }
}

/** Why a connection that was there is gone, in a few words. */
export function lossReason(error: ParleyError): string {
  return error.code === "disconnected" ? "connection lost" : error.message;
}

async function unreachable(error: ParleyError, url: string): Promise<string> {
  const reason = await whyUnreachable(url);
  if (reason !== undefined) return `cannot reach ${url}: ${reason}. Is \`parley serve\` running?`;
  const said = error.cause instanceof Error ? error.cause.message : error.message;
  return `cannot talk to ${url}: something answers there, but not as a Parley server (${said})`;
}
