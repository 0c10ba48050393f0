/**
 * The command line as a whole: its commands, its help, and the rule that a bad command line exits with 2. Loads no
 * more than what `--help` needs; each command loads its own code when it runs.
 */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { addUserCommands } from "./commands/account-commands.ts";
import { addBackup, addRestore } from "./commands/backup-commands.ts";
import { addChat } from "./commands/chat-command.ts";
import { addDead, addTrace } from "./commands/dead-commands.ts";
import { addRooms, addUsers } from "./commands/directory-commands.ts";
import { addHistory } from "./commands/history-command.ts";
import { addListen } from "./commands/listen-command.ts";
import { addSend } from "./commands/send-command.ts";
import { addServe } from "./commands/serve-command.ts";
import { addTokenCommands } from "./commands/token-commands.ts";
import { CommandEnded, exitCodeMeanings, exitCodes } from "./exit-codes.ts";
import { printableLines } from "./printable.ts";

/** As the package says it. */
function version(): string {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

/** Runs one command line (without `node` and the script). Sets `process.exitCode`. */
export async function runCommandLine(words: readonly string[]): Promise<void> {
  // A reader that went away (`--help | head`) is no fault; without a listener it would end in a stack trace.
  process.stdout.on("error", ignoreGone);
  const program = createProgram();
  try {
    // Nobody said what to do: that is no success for a script.
    if (words.length === 0) program.help({ error: true });
    await program.parseAsync(words, { from: "user" });
  } catch (error) {
    if (error instanceof CommandEnded) {
      process.exitCode = error.exitCode;
      return;
    }
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
}

function ignoreGone(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

function createProgram(): Command {
  const program = new Command("parley")
    .description("Message server for people, devices and programs, and what talks to it from a terminal.")
    .usage("<command> [options]")
    .version(version(), "--version", "print the version")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(complaint(text)) })
    .addHelpText("after", () => `\n${exitCodeHelp()}\n\n${environmentHelp}`);
  for (const add of [
    addServe,
    addChat,
    addSend,
    addListen,
    addHistory,
    addUsers,
    addRooms,
    addUserCommands,
    addTokenCommands,
    addDead,
    addTrace,
    addBackup,
    addRestore,
  ])
    add(program);
  program.helpCommand("help [command]", "the same as --help");
  return program;
}

/** What commander says about a bad command line, in the form of every other complaint. */
function complaint(text: string): string {
  const said = printableLines(text.trimEnd().replace(/^error: /, "")).join("\n");
  return `parley: ${said}\nparley: --help tells what can be given.\n`;
}

function exitCodeHelp(): string {
  const names = Object.keys(exitCodes) as (keyof typeof exitCodes)[];
  return `Exit codes:\n${names.map((name) => `  ${exitCodes[name]}  ${exitCodeMeanings[name]}`).join("\n")}`;
}

const environmentHelp = `Environment:
  PARLEY_URL   the server, for every command that talks to one
  PARLEY_CA    authorities to trust, as --ca
  PARLEY_USER  who you are, for send, listen, history, users and rooms
  PARLEY_TOKEN what proves it, where the server asks for a token
  NO_COLOR     no colours (there are none without a terminal anyway)`;
