/** What `parley history` takes. */
import { type Command, Option } from "commander";
import type { HistoryFlags } from "../history.ts";
import { address, positiveNumber, userName, wholeNumber } from "../option-values.ts";
import { addExamples, addLogin } from "./shared-options.ts";

const defaultLimit = 50;

export function addHistory(program: Command): void {
  const command = program
    .command("history")
    .summary("show earlier messages")
    .description(
      "Shows messages of a log, oldest first: the newest ones, or those next to a seq (the number at the beginning of each " +
        "line). Reading does not count as receiving: nothing is acknowledged.",
    )
    .argument("[log]", "your own name, a '#room' you are in, or '*' (default: your own)", address);
  addLogin(command)
    .option("--with <user>", "only what went between you and this user", userName)
    .option("--limit <n>", "how many messages at most", positiveNumber, defaultLimit)
    .option("--before <seq>", "the ones just before this seq", positiveNumber)
    .addOption(new Option("--after <seq>", "the ones just after this seq").conflicts("before").argParser(wholeNumber))
    .option("--json", "as lines of JSON")
    .action(async (log: string | undefined, flags: HistoryFlags) => {
      const { history } = await import("../history.ts");
      process.exitCode = await history(log, flags);
    });
  addExamples(command, [
    ["parley history --user alice --with bob", "the last 50 messages between alice and bob"],
    ["parley history --user alice '#general' --before 1200 --limit 100", "further back"],
    ["parley history --user alice --after 0 --limit 1000000 --json >alice.jsonl", "everything"],
  ]);
}
