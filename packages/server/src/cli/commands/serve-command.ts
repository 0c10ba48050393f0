/** What `parley serve` takes. The server itself is loaded only when it is to run. */
import type { Command } from "commander";
import type { ServeFlags } from "../serve.ts";
import { addExamples } from "./shared-options.ts";

export function addServe(program: Command): void {
  const command = program
    .command("serve")
    .summary("start the server")
    .description(
      "Starts the server. It prints one line per listener with what can be done there, then `ready`. Ctrl-C or SIGTERM " +
        "ends it in good order. Every setting can also stand in the file or in the environment (PARLEY_…); a flag wins " +
        "over the environment, which wins over the file.",
    )
    .option("--config <file>", "YAML file with settings (env: PARLEY_CONFIG)")
    .option("--data-dir <directory>", "where everything is kept (default: ./data)")
    .option("--host <address>", "address to listen on (default: 127.0.0.1)")
    .option("--auth <mode>", "who is let in: open, token or accounts (default: open); see docs/authentication.md")
    .option("--ws-port <port>", "HTTP and WebSocket port (default: 8080)")
    .option("--tcp-port <port>", "port of the native protocol over TCP (default: 5790)")
    .option("--gateways <names>", "only these protocols, by the names that it prints (default: all)")
    .option("--engine <name>", "level or memory (default: level)")
    .option("--insecure", "allow an address beyond loopback without authentication")
    .option("--settings", "print every setting, with its name in the environment and in the file, and end")
    .action(async ({ settings, ...flags }: ServeFlags & { readonly settings?: boolean }) => {
      const { printSettings, serve } = await import("../serve.ts");
      if (settings) printSettings();
      else process.exitCode = await serve(flags);
    });
  addExamples(command, [
    ["parley serve", "for this machine, data in ./data"],
    ["parley serve --data-dir /var/lib/parley --ws-port 9000", "elsewhere"],
    [
      "PARLEY_PEER_JSON_PORT=15678 parley serve --gateways peer-json",
      "one protocol, moved (--settings lists the names)",
    ],
    ["parley serve --engine memory", "to try something: everything is gone when it ends"],
  ]);
}
