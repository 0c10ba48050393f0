/** `parley token …`: issuing, exchanging and revoking tokens over a server's HTTP API. */
import type { IssuedToken } from "../auth/own-tokens.ts";
import { type ApiAccess, askApi, type OperatorFlags, operatorAccess, passwordAccess } from "./api-request.ts";
import { complain } from "./complaint.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { jsonLine } from "./json-line.ts";
import { readPassword } from "./password-prompt.ts";
import { printable } from "./printable.ts";

export interface IssueFlags extends OperatorFlags {
  /** Milliseconds. */
  readonly expires: number;
  readonly device?: string;
  readonly send?: readonly string[];
  readonly read?: readonly string[];
  readonly join?: readonly string[];
  readonly admin?: boolean;
  readonly json?: boolean;
}

/** Prints a token for a user. Resolves with the exit code. */
export async function issueToken(user: string, flags: IssueFlags): Promise<ExitCode> {
  const access = operatorAccess(flags);
  if (typeof access === "number") return access;
  const { expires, device, send, read, join, admin, json } = flags;
  const body = { user, expiresIn: Math.max(1, Math.round(expires / 1000)), device, send, read, join, admin };
  const issued = await askApi(access, "POST", "/tokens", body);
  if (!issued.ok) return issued.exit;
  console.log(json ? jsonLine(issued.value) : (issued.value as IssuedToken).token);
  return exitCodes.ok;
}

export interface RevokeFlags extends OperatorFlags {
  readonly user?: string;
  readonly device?: string;
}

/** Revokes a token, named by itself or its `jti`, or what a user (on a device) has. Resolves with the exit code. */
export async function revokeToken(token: string | undefined, flags: RevokeFlags): Promise<ExitCode> {
  const access = operatorAccess(flags);
  if (typeof access === "number") return access;
  const { user, device } = flags;
  const isToken = token?.split(".").length === 3;
  const body = token === undefined ? { user, device } : isToken ? { token } : { tokenId: token };
  const revoked = await askApi(access, "POST", "/revocations", body);
  if (!revoked.ok) return revoked.exit;
  const { sessionsClosed } = revoked.value as { sessionsClosed: number };
  console.log(`Revoked; ${sessionsClosed} ${sessionsClosed === 1 ? "session" : "sessions"} ended.`);
  return exitCodes.ok;
}

/** Prints a connect token for who has a password or a longer token. Resolves with the exit code. */
export async function connectToken(
  user: string | undefined,
  { url, token }: { readonly url: string; readonly token?: string },
): Promise<ExitCode> {
  if (token === undefined && user === undefined) {
    complain("say who you are: a user, whose password is asked for, or a token (--token, PARLEY_TOKEN)");
    return exitCodes.usage;
  }
  if (user === undefined)
    return printConnectToken({ ...passwordAccess(url, "", ""), authorization: `Bearer ${token}` });
  const read = await readPassword(process.stdin, `Password of ${printable(user)}`, { twice: false });
  if ("password" in read) return printConnectToken(passwordAccess(url, user, read.password));
  complain(read.why);
  return exitCodes.failed;
}

async function printConnectToken(access: ApiAccess): Promise<ExitCode> {
  const got = await askApi(access, "POST", "/token");
  if (!got.ok) return got.exit;
  console.log((got.value as { token: string }).token);
  return exitCodes.ok;
}
