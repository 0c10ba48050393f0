/** What `parley backup` and `parley restore` take. The store's code is loaded only when one of them runs. */
import { type Command, Option } from "commander";
import type { BackupFlags } from "../backup.ts";
import { userName } from "../option-values.ts";
import type { RestoreFlags } from "../restore.ts";
import { addExamples } from "./shared-options.ts";

export function addBackup(program: Command): void {
  const command = program
    .command("backup <file>")
    .summary("copy everything that a server keeps into one file")
    .description(
      "Writes a backup: all messages, users, rooms, cursors, dead letters, and the secrets that the server made for itself, so " +
        "keep the file as you keep those (it is made with mode 0600). With --url from a running server, which goes on " +
        "serving: what it said `ok` to before is in the file. Without it from a data directory that no server has open. The file is read " +
        "back before it gets its name; - is standard output.",
    )
    .option("--url <url>", "the running server: http://HOST:PORT")
    .addOption(
      new Option(
        "-u, --user <name>",
        "who you are, with --url; must administer. PARLEY_TOKEN or PARLEY_PASSWORD prove it",
      )
        .env("PARLEY_USER")
        .argParser(userName),
    )
    .option("--data-dir <directory>", "of a server that does not run (default: ./data)")
    .option("--config <file>", "YAML file with settings (env: PARLEY_CONFIG)")
    .action(async (file: string, flags: BackupFlags) => {
      const { backup } = await import("../backup.ts");
      process.exitCode = await backup(file, flags);
    });
  addExamples(command, [
    ["parley backup monday.parley --url http://127.0.0.1:8080 --user alice", "of a running server"],
    ["parley backup monday.parley --data-dir /var/lib/parley", "of one that is stopped"],
    ["parley backup - --url http://127.0.0.1:8080 --user alice | zstd > monday.parley.zst", "compressed"],
  ]);
}

export function addRestore(program: Command): void {
  const command = program
    .command("restore <file>")
    .summary("make a data directory from a backup")
    .description(
      "Makes the store of a data directory from a backup that `parley backup` wrote; - is standard input. A damaged or incomplete " +
        "backup is refused, and nothing is changed then. The logs get a new epoch: clients that were further than the backup are told so " +
        "(`reset`) when they come back, instead of missing what is written from now on.",
    )
    .option("--data-dir <directory>", "where to (default: ./data)")
    .option("--config <file>", "YAML file with settings (env: PARLEY_CONFIG)")
    .option("--force", "where there is a store already: move it aside")
    .option("--check", "only read the backup, and tell whether it is whole")
    .action(async (file: string, flags: RestoreFlags) => {
      const { restore } = await import("../restore.ts");
      process.exitCode = await restore(file, flags);
    });
  addExamples(command, [
    ["parley restore monday.parley --data-dir /var/lib/parley", "then start the server"],
    ["parley restore monday.parley --check", "is it good?"],
    ["zstd -dc monday.parley.zst | parley restore - --data-dir /tmp/look", "from a compressed one, to look at it"],
  ]);
}
