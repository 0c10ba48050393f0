/** What `parley listen` takes. */
import type { Command } from "commander";
import type { ListenFlags } from "../listen.ts";
import { positiveNumber, roomNames } from "../option-values.ts";
import { addDevice, addExamples, addLogin } from "./shared-options.ts";

export function addListen(program: Command): void {
  const command = program
    .command("listen")
    .summary("print messages as lines of JSON")
    .description(
      'Prints every message for a user as a line of JSON ({"op":"message",…}, fields as in PROTOCOL.md), oldest first, then ' +
        'as they come. Lines with "op":"gap" or "op":"reset" say that something is missing. What happens to the connection ' +
        "is told on standard error; a lost one is made again.\n\n" +
        "A message is acknowledged when its line was written. With --device the server remembers where that device stopped, " +
        "and the next listen goes on there (after a crash the last lines may come again; ids tell). Without --device it " +
        "begins where the user stopped reading on any device, and nothing is remembered.\n\n" +
        "Ctrl-C and SIGTERM end it with exit code 0, as does the reader's end. Lines that `head` never looked at are " +
        "acknowledged all the same: use --count.",
    );
  addDevice(addLogin(command), "remember by this name how far it got")
    .option("--room <room>", "join this room first (may be repeated)", roomNames)
    .option("--count <n>", "end after n messages", positiveNumber)
    .option("--once", "end when everything that waited was printed")
    .action(async (flags: ListenFlags) => {
      const { listen } = await import("../listen.ts");
      process.exitCode = await listen(flags);
      // A reader that stands still would keep the process for ever; what it has not taken was not acknowledged.
      if (process.stdout.writableLength > 0) process.exit();
    });
  addExamples(command, [
    ["parley listen --user bob --device archive >>bob.jsonl", "go on where it stopped"],
    ["parley listen --user bob --device cron --once", "what has come since the last time"],
    ["parley listen --user bot --device bot --room '#ops' | jq -r .body", "the words alone"],
  ]);
}
