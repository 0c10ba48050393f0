/** What `parley chat` takes. */
import type { Command } from "commander";
import type { ChatFlags } from "../chat/chat.ts";
import { address, userName, wholeNumber } from "../option-values.ts";
import { addDevice, addExamples, addProof, addUrl } from "./shared-options.ts";

export function addChat(program: Command): void {
  const command = program
    .command("chat")
    .summary("talk in the terminal")
    .description(
      "Talk in the terminal. What others write appears above the line you are typing. Lines that begin with / are " +
        "commands (/help lists them), everything else goes to whom you are talking to. Beside your own messages: · on its " +
        "way, ✓ stored by the server, ✓✓ arrived at a device of the recipient. Ctrl-C or Ctrl-D leaves.\n\n" +
        "Where you stopped is kept for each user in $XDG_STATE_HOME/parley (or ~/.local/state/parley): the next chat goes on " +
        "there. Without a terminal each line of standard input is sent, and messages are printed as they come.",
    )
    .argument("<user>", "who you are", userName)
    .option(
      "--to <address>",
      "whom to talk to at first: a user, a '#room' (you join it) or '*' for everybody",
      address,
    );
  addDevice(addProof(addUrl(command)), "name of this device (default: one is made up and kept)")
    .option(
      "--history <n>",
      "how many earlier messages to show at first (default: 20; 0 without a terminal)",
      wholeNumber,
    )
    .action(async (user: string, flags: Omit<ChatFlags, "user">) => {
      const { chat } = await import("../chat/chat.ts");
      process.exitCode = await chat({ ...flags, user });
    });
  addExamples(command, [
    ["parley chat alice", "as alice; then /to bob or /join #general"],
    ["parley chat alice --to '#general'", "in a room (the quotes keep the shell from taking # for a comment)"],
    ["make 2>&1 | parley chat builder --to alice", "each line as a message"],
  ]);
}
