/** What `parley users` and `parley rooms` take. */
import type { Command } from "commander";
import type { DirectoryFlags } from "../directory.ts";
import { roomName } from "../option-values.ts";
import { addExamples, addLogin } from "./shared-options.ts";

export function addUsers(program: Command): void {
  const command = program
    .command("users")
    .summary("list users")
    .description("Lists everybody who has ever connected, or the members of a room, and whether they are online.");
  addLogin(command)
    .option("--room <room>", "only members of this room", roomName)
    .option("--json", "as lines of JSON")
    .action(async (flags: DirectoryFlags & { readonly room?: string }) => {
      const { users } = await import("../directory.ts");
      process.exitCode = await users(flags);
    });
  addExamples(command, [
    ["parley users --user alice", "everybody"],
    ["parley users --user alice --room '#general' --json", "the members of a room, for a program"],
  ]);
}

export function addRooms(program: Command): void {
  const command = program
    .command("rooms")
    .summary("list rooms")
    .description("Lists all rooms, with how many members they have and whether you are one of them.");
  addLogin(command)
    .option("--json", "as lines of JSON")
    .action(async (flags: DirectoryFlags) => {
      const { rooms } = await import("../directory.ts");
      process.exitCode = await rooms(flags);
    });
  addExamples(command, [["parley rooms --user alice", "all rooms"]]);
}
