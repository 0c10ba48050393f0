/** What `parley dead …` and `parley trace` take. */

import { deadReasons } from "@parley/protocol";
import { type Command, Option } from "commander";
import type { LetterFlags, PurgeFlags, ReplayFlags } from "../dead.ts";
import { address, duration, positiveNumber, userName } from "../option-values.ts";
import type { TraceFlags } from "../trace.ts";
import { addExamples, addOperator } from "./shared-options.ts";

const defaultLimit = 50;

export function addDead(program: Command): void {
  const dead = program
    .command("dead")
    .summary("list, show, replay and purge dead letters")
    .description(
      "Dead letters are messages that left, or never reached, a reader unacknowledged. For who administers the server.",
    );
  addFilter(addOperator(dead.command("list")))
    .summary("list them, the newest first")
    .option("--limit <n>", "how many at most", positiveNumber, defaultLimit)
    .option("--json", "as lines of JSON")
    .action(async (flags: LetterFlags & { readonly limit: number }) => {
      const { listLetters } = await import("../dead.ts");
      process.exitCode = await listLetters(flags);
    });
  addOperator(dead.command("show"))
    .summary("show one, with its message")
    .argument("<letter>", "its number, as `list` shows it", positiveNumber)
    .option("--json", "as a line of JSON")
    .action(async (letter: number, flags: LetterFlags) => {
      const { showLetter } = await import("../dead.ts");
      process.exitCode = await showLetter(letter, flags);
    });
  addOperator(dead.command("replay"))
    .summary("send their messages again, each once")
    .argument("<letters...>", "their numbers", manyNumbers)
    .option("--to <address>", "to another address than the one it was for", address)
    .option("--again", "also those that were replayed before")
    .option("--json", "as lines of JSON")
    .action(async (letters: readonly number[], flags: ReplayFlags) => {
      const { replayLetters } = await import("../dead.ts");
      process.exitCode = await replayLetters(letters, flags);
    });
  addPurge(dead);
  addExamples(dead, [
    ["parley dead list --reason expired --address alice", "what expired before alice had it"],
    ["parley dead replay 17 18 --to alice", "send two of them again"],
    ["parley dead purge --older-than 30d", "forget what is older than a month; it stays counted"],
  ]);
}

function addPurge(dead: Command): void {
  const purge = addFilter(addOperator(dead.command("purge")))
    .summary("delete them for ever; asks before on a terminal")
    .argument("[letters...]", "their numbers; or say by the options which", manyNumbers)
    .option("--all", "all of them")
    .option("--yes", "do not ask")
    .option("--json", "as a line of JSON")
    .action(async (given: readonly number[] | undefined, flags: PurgeFlags) => {
      const letters = given ?? [];
      const { reason, address: to, from, olderThan, all } = flags;
      const filtered = [reason, to, from, olderThan, all].some((option) => option !== undefined);
      if (letters.length > 0 === filtered)
        purge.error("error: give either numbers, or options that say which, or --all");
      const { purgeLetters } = await import("../dead.ts");
      process.exitCode = await purgeLetters(letters, flags);
    });
}

export function addTrace(program: Command): void {
  const trace = addOperator(program.command("trace"))
    .summary("tell what happened to one message")
    .description("Tells where a message is stored, who was given it and acknowledged it when, and its dead letters.")
    .argument("<id>", "the message's id")
    .option("--address <address>", "look only into the log of this address: quicker where there are many", address)
    .option("--json", "as a line of JSON")
    .action(async (id: string, flags: TraceFlags) => {
      const { traceMessage } = await import("../trace.ts");
      process.exitCode = await traceMessage(id, flags);
    });
  addExamples(trace, [["parley trace 019b1000-177b-7c3e-9d2f-3f1c8e0b7a55", "one message, wherever it went"]]);
}

function addFilter(command: Command): Command {
  return command
    .addOption(new Option("--reason <reason>", "only of this reason").choices(Object.keys(deadReasons)))
    .option("--address <address>", "only what was for this user, #room or *", address)
    .option("--from <user>", "only what this user sent", userName)
    .option("--older-than <duration>", "only what became one so long ago: 12h, 30d", duration);
}

function manyNumbers(text: string, before: readonly number[] = []): number[] {
  return [...before, positiveNumber(text)];
}
