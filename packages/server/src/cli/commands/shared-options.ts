/** The options that every command has which talks to a server, and the form of the examples in `--help`. */
import { type Command, Option } from "commander";
import { authorities, deviceName, serverUrl, userName } from "../option-values.ts";

const defaultUrl = "ws://127.0.0.1:8080";

/** `--url` and `--ca`, on every command that talks to a server. */
export function addUrl(command: Command): Command {
  command.addOption(
    new Option("--ca <file>", "PEM file of authorities to trust, beside the usual ones, for wss:// and tls://")
      .env("PARLEY_CA")
      .argParser(authorities),
  );
  return command.addOption(
    new Option("--url <url>", "the server: ws://HOST:PORT, wss://…, tcp://HOST:PORT or tls://…")
      .env("PARLEY_URL")
      .default(defaultUrl)
      .argParser(serverUrl),
  );
}

/** For who runs a server: `--url` and `--token`. */
export function addOperator(command: Command): Command {
  const option = new Option("--token <token>", "a token, where the server asks for one; rather by the environment");
  return addUrl(command).addOption(option.env("PARLEY_TOKEN"));
}

/** `--url` and `--user`. */
export function addLogin(command: Command): Command {
  return addUrl(command).addOption(
    new Option("-u, --user <name>", "who you are").env("PARLEY_USER").makeOptionMandatory().argParser(userName),
  );
}

/** `--device`, with what it is good for here. */
export function addDevice(command: Command, purpose: string): Command {
  return command.addOption(new Option("--device <name>", purpose).argParser(deviceName));
}

/** Examples after the options: each with what it does. */
export function addExamples(
  command: Command,
  examples: readonly (readonly [line: string, purpose: string])[],
): Command {
  const lines = examples.flatMap(([line, purpose]) => [`  $ ${line}`, `      ${purpose}`]);
  return command.addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}
