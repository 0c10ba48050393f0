/** The options that every command has which talks to a server, and the form of the examples in `--help`. */
import { type Command, Option } from "commander";
import { CommandEnded } from "../exit-codes.ts";
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

/** `--token`. */
export function addToken(command: Command): Command {
  const option = new Option("--token <token>", "a token, where the server asks for one; rather by the environment");
  return command.addOption(option.env("PARLEY_TOKEN"));
}

/** `--token` and `--password`, for a command that talks as somebody: by `--user`, or its first argument. */
export function addProof(command: Command): Command {
  addToken(command).addOption(
    new Option("--password", "ask for the password of the account (auth.mode accounts)").conflicts("token"),
  );
  return command.hook("preAction", async (_, running) => {
    const { url, user, password } = running.opts<{ url: string; user?: string; password?: boolean }>();
    if (!password) return;
    const { passwordTokens } = await import("../password-login.ts");
    const tokens = await passwordTokens(url, user ?? String(running.args[0]));
    if (typeof tokens === "number") throw new CommandEnded(tokens);
    running.setOptionValue("token", tokens);
  });
}

/** For commands of who runs the server: its data directory, or `--url` and `--token`. */
export function addOperator(command: Command): Command {
  const dataDir = new Option("--data-dir <directory>", "of the server, beside which this runs");
  return addToken(addUrl(command.addOption(dataDir.env("PARLEY_DATA_DIR").default("./data"))));
}

/** `--url`, `--user`, `--token` and `--password`. */
export function addLogin(command: Command): Command {
  return addProof(addUrl(command)).addOption(
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
