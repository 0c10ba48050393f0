/** `parley user …`: the accounts of a server in mode `accounts`, over its HTTP API. */
import type { Account } from "../auth/accounts.ts";
import { type ApiAccess, askApi, type OperatorFlags, operatorAccess } from "./api-request.ts";
import { dateAndTime } from "./clock-text.ts";
import { complain } from "./complaint.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { jsonLine } from "./json-line.ts";
import { createLineWriter } from "./line-writer.ts";
import { readPassword } from "./password-prompt.ts";
import { printable } from "./printable.ts";

/** Makes an account. Resolves with the exit code. */
export function addAccount(user: string, flags: OperatorFlags & { readonly admin?: boolean }): Promise<ExitCode> {
  return withPassword(user, flags, async (access, password) => {
    const { admin = false } = flags;
    const added = await askApi(access, "POST", "/accounts", { user, password, admin });
    if (!added.ok) return added.exit;
    return say(`${user} may log in now${admin ? ", and administers the server" : ""}.`);
  });
}

/** Sets a password. Resolves with the exit code. */
export function changePassword(user: string, flags: OperatorFlags): Promise<ExitCode> {
  return withPassword(user, flags, async (access, password) => {
    const set = await askApi(access, "PUT", `/accounts/${encodeURIComponent(user)}/password`, { password });
    return set.ok ? say(`${user} has a new password. Sessions ended, and tokens until now are void.`) : set.exit;
  });
}

/** Removes an account. Resolves with the exit code. */
export async function removeAccount(user: string, flags: OperatorFlags): Promise<ExitCode> {
  const access = operatorAccess(flags);
  if (typeof access === "number") return access;
  const removed = await askApi(access, "DELETE", `/accounts/${encodeURIComponent(user)}`);
  return removed.ok ? say(`${user} may log in no more. What was sent and received stays.`) : removed.exit;
}

/** Lists accounts, for people or as lines of JSON. Resolves with the exit code. */
export async function listAccounts(flags: OperatorFlags & { readonly json?: boolean }): Promise<ExitCode> {
  const access = operatorAccess(flags);
  if (typeof access === "number") return access;
  const listed = await askApi(access, "GET", "/accounts");
  if (!listed.ok) return listed.exit;
  const output = createLineWriter(process.stdout);
  for (const account of (listed.value as { accounts: readonly Account[] }).accounts)
    if ((await output.write(flags.json ? jsonLine(account) : accountLine(account))) === "gone") break;
  return exitCodes.ok;
}

function accountLine({ user, admin, createdAt }: Account): string {
  return `${printable(user)}  since ${dateAndTime(createdAt)}${admin ? "  administers" : ""}`;
}

async function withPassword(
  user: string,
  flags: OperatorFlags,
  work: (access: ApiAccess, password: string) => Promise<ExitCode>,
): Promise<ExitCode> {
  const access = operatorAccess(flags);
  if (typeof access === "number") return access;
  const read = await readPassword(process.stdin, `Password for ${printable(user)}`, { twice: true });
  if ("password" in read) return work(access, read.password);
  complain(read.why);
  return exitCodes.failed;
}

function say(text: string): ExitCode {
  console.log(printable(text));
  return exitCodes.ok;
}
