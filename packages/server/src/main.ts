/** The command line: parses arguments and runs the command. Started by `bin/parley.js`. */
import { Command } from "commander";
import { type ServeFlags, serve } from "./cli/serve.ts";

const program = new Command("parley").description("Message server for people, devices and programs.");

program
  .command("serve")
  .description("start the server")
  .option("--config <file>", "YAML file with settings")
  .option("--data-dir <directory>", "where everything is kept (default ./data)")
  .option("--host <address>", "address to listen on (default 127.0.0.1)")
  .option("--ws-port <port>", "HTTP and WebSocket port (default 8080)")
  .option("--tcp-port <port>", "port of the native protocol over TCP (default 5790)")
  .option("--engine <name>", "level or memory (default level)")
  .option("--insecure", "allow an address beyond loopback without authentication")
  .action(async (flags: ServeFlags) => {
    process.exitCode = await serve(flags);
  });

await program.parseAsync();
