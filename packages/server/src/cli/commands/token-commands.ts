/** What `parley token …` takes. */
import { type Command, InvalidArgumentError } from "commander";
import type { OperatorFlags } from "../api-request.ts";
import { deviceName, duration, userName } from "../option-values.ts";
import type { IssueFlags, RevokeFlags } from "../tokens.ts";
import { addExamples, addOperator, addToken, addUrl } from "./shared-options.ts";

const defaultLifeMs = 30 * 24 * 3_600_000;

export function addTokenCommands(program: Command): void {
  const token = program
    .command("token")
    .summary("issue, exchange and revoke tokens")
    .description(
      "Issues, exchanges and revokes tokens. Issuing and revoking is for who runs the server: beside it, it needs nothing " +
        "but the data directory; from elsewhere --url and the token of somebody who administers.",
    );
  addIssue(token);
  addRevoke(token);
  addToken(addUrl(token.command("connect")))
    .summary("exchange a password or a token for a connect token")
    .description("Prints a connect token: good for 60 seconds to log in, for a session of the usual length.")
    .argument("[name]", "the user, whose password is asked for", userName)
    .action(async (name: string | undefined, flags: OperatorFlags) => {
      const { connectToken } = await import("../tokens.ts");
      process.exitCode = await connectToken(name, flags);
    });
  addExamples(token, [
    ["parley token issue sensor-7 --expires 90d --device roof --send '#readings'", "for a device that only reports"],
    ["parley token revoke --user alice --device phone", "a lost phone: its sessions end at once"],
    ["PARLEY_TOKEN=$(parley token connect alice) parley listen --user alice", "by a password, without keeping it"],
  ]);
}

function addIssue(token: Command): void {
  addOperator(token.command("issue"))
    .summary("print a token for a user, signed by the server")
    .description("Prints a token for a user. It counts in every auth.mode, until it expires or is revoked.")
    .argument("<name>", "the user", userName)
    .option("--expires <duration>", "how long it lives (default: 30d)", duration, defaultLifeMs)
    .option("--device <name>", "only as this device", deviceName)
    .option("--send <addresses>", "may send only to these: alice,#general,#team-*", list)
    .option("--read <addresses>", "may read only these", list)
    .option("--join <rooms>", "may join only these", list)
    .option("--admin", "may administer the server")
    .option("--json", "with its id and expiry, as a line of JSON")
    .action(async (name: string, flags: IssueFlags) => {
      const { issueToken } = await import("../tokens.ts");
      process.exitCode = await issueToken(name, flags);
    });
}

function addRevoke(token: Command): void {
  const revoke = addOperator(token.command("revoke"))
    .summary("revoke a token, or all that a user or a device has")
    .description("Revokes. Sessions end at once, and what is revoked logs in no more.")
    .argument("[token]", "a token, or its id (`jti`)")
    .option("--user <name>", "everything that this user has until now", userName)
    .option("--device <name>", "with --user: only on this device", deviceName)
    .action(async (text: string | undefined, flags: RevokeFlags) => {
      if ((text === undefined) === (flags.user === undefined))
        revoke.error("error: give either a token or its id, or --user");
      if (flags.device !== undefined && flags.user === undefined) revoke.error("error: --device needs --user");
      const { revokeToken } = await import("../tokens.ts");
      process.exitCode = await revokeToken(text, flags);
    });
}

function list(text: string): string[] {
  const parts = text.split(",");
  if (!parts.includes("")) return parts;
  throw new InvalidArgumentError("Addresses with commas between.");
}
