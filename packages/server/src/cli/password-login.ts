/**
 * Logging in by a password (`--password`): it is asked for once, and exchanged for a connect token each time the client
 * connects or renews. Used by every command that talks as somebody.
 */
import { ParleyError } from "@parley/client";
import { askApi, passwordAccess } from "./api-request.ts";
import { complain } from "./complaint.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { readPassword } from "./password-prompt.ts";
import { printable } from "./printable.ts";

/** What gets tokens; or the exit code where there is none, which has been explained. */
export async function passwordTokens(url: string, user: string): Promise<(() => Promise<string>) | ExitCode> {
  if (!process.stdin.isTTY) {
    complain("--password asks in a terminal; without one, give a token: PARLEY_TOKEN=$(parley token connect NAME)");
    return exitCodes.usage;
  }
  if (!/^wss?:/.test(url)) {
    complain("--password needs the server's HTTP address: give --url as ws:// or wss://");
    return exitCodes.usage;
  }
  const read = await readPassword(process.stdin, `Password of ${printable(user)}`, { twice: false });
  if ("why" in read) {
    complain(read.why);
    return exitCodes.failed;
  }
  const access = passwordAccess(url, user, read.password);
  const first = await askApi(access, "POST", "/token");
  if (!first.ok) return first.exit;
  let fresh: string | undefined = (first.value as { token: string }).token;
  return async () => {
    const token = fresh;
    fresh = undefined;
    if (token !== undefined) return token;
    const next = await askApi(access, "POST", "/token");
    if (!next.ok) throw new ParleyError("unauthorized", "no token for that password");
    return (next.value as { token: string }).token;
  };
}
