/** What `parley user …` takes. */
import type { Command } from "commander";
import type { OperatorFlags } from "../api-request.ts";
import { userName } from "../option-values.ts";
import { addExamples, addOperator } from "./shared-options.ts";

export function addUserCommands(program: Command): void {
  const user = program
    .command("user")
    .summary("keep accounts (add, list, remove, passwd)")
    .description(
      "Keeps the accounts of a server with auth.mode accounts. Beside the server it needs nothing but its data directory; " +
        "from elsewhere --url and the token of an account that administers. Passwords are asked for in the terminal, or " +
        "are the first line of standard input.",
    );
  const named = (name: string, summary: string) =>
    addOperator(
      user.command(name).summary(summary).description(`${summary}.`).argument("<name>", "the user", userName),
    );

  named("add", "make an account")
    .option("--admin", "who administers the server")
    .action(async (name: string, flags: OperatorFlags & { readonly admin?: boolean }) => {
      const { addAccount } = await import("../accounts.ts");
      process.exitCode = await addAccount(name, flags);
    });
  addOperator(user.command("list").summary("list accounts").description("Lists all accounts."))
    .option("--json", "as lines of JSON")
    .action(async (flags: OperatorFlags & { readonly json?: boolean }) => {
      const { listAccounts } = await import("../accounts.ts");
      process.exitCode = await listAccounts(flags);
    });
  named("remove", "remove an account; its sessions end").action(async (name: string, flags: OperatorFlags) => {
    const { removeAccount } = await import("../accounts.ts");
    process.exitCode = await removeAccount(name, flags);
  });
  named("passwd", "set a password; its sessions end").action(async (name: string, flags: OperatorFlags) => {
    const { changePassword } = await import("../accounts.ts");
    process.exitCode = await changePassword(name, flags);
  });
  addExamples(user, [
    ["parley user add alice --admin", "the first account, on the machine of the server"],
    ["openssl rand -base64 18 | tee alice.password | parley user add alice", "with a password that nobody made up"],
    ["parley user list --data-dir /var/lib/parley", "of a server with its data there"],
  ]);
}
