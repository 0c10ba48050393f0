/** What `parley send` takes. */
import { type Command, Option } from "commander";
import { addresses, duration } from "../option-values.ts";
import type { SendFlags } from "../send.ts";
import { addExamples, addLogin } from "./shared-options.ts";

export function addSend(program: Command): void {
  const command = program
    .command("send")
    .summary("send a message")
    .description(
      "Sends a message and prints the id that the server gave it, once it is on disk. Without TEXT the message is standard " +
        "input, without its last line break; what is not UTF-8 is sent as bytes. Exits 1 if the server refuses it.",
    )
    .argument("<to>", "a user, a '#room' you are in, '*' for everybody, or several with commas between", addresses)
    .argument("[text...]", "the message");
  addLogin(command)
    .option("--lines", "each line of standard input is a message; stops after one that is refused")
    .option("--exact", "send standard input as it is, with its last line break")
    .option("--type <word>", "your own word for the kind of message")
    .option("--content-type <type>", "media type (default: text/plain; application/octet-stream for bytes)")
    .option("--ttl <duration>", "do not deliver it later than this: 30s, 5m, 12h, 7d", duration)
    .addOption(new Option("--durability <what>", "answer when it is on disk, or before").choices(["fsync", "memory"]))
    .option("--no-copy", "keep no copy in your own log")
    .option("--receipt", "ask for receipts; your other connections (chat) get them")
    .addOption(new Option("--client-id <id>", "your own id: sent twice with it, stored once").conflicts("lines"))
    .option("--json", "print the whole answer of the server, as a line of JSON")
    .action(async (to: string | readonly string[], text: readonly string[], flags: SendFlags) => {
      if (text.length > 0 && (flags.lines || flags.exact))
        command.error("error: --lines and --exact are for standard input; leave out TEXT");
      const { send } = await import("../send.ts");
      process.exitCode = await send(to, text, flags);
    });
  addExamples(command, [
    ["parley send --user alice bob 'Lunch?'", "one message to bob"],
    [
      "parley send --user alice bob,carol,'#general' Done.",
      "to several (quote # and *: they mean something to the shell)",
    ],
    ["parley send --user backup bob <report.txt", "a file, up to 1 MiB"],
    ["tail -f app.log | parley send --user app '#ops' --lines", "each line"],
  ]);
}
