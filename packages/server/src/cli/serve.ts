/** `parley serve`: starts the server, says what can be done where, drains on SIGTERM and SIGINT. */
import { writeSync } from "node:fs";
import { AuthenticationRefused } from "../auth/refusal.ts";
import { type Config, environmentName, loadConfig, refuseToServe, warnOf } from "../config.ts";
import { DrainTimeout } from "../drain.ts";
import { StoreRefused } from "../engine/level/open-store.ts";
import type { Listener } from "../gateway/gateway.ts";
import { nativePath } from "../gateway/native/websocket.ts";
import { createPinoLog, type ServerLog } from "../observe/pino-log.ts";
import { type RunningServer, startServer } from "../server.ts";
import { type Setting, settings } from "../settings.ts";
import { CertificateRefused } from "../tls/server-tls.ts";
import { exitCodes } from "./exit-codes.ts";

export interface ServeFlags {
  readonly config?: string;
  readonly dataDir?: string;
  readonly host?: string;
  readonly insecure?: boolean;
  readonly auth?: string;
  readonly wsPort?: string;
  readonly tcpPort?: string;
  readonly engine?: string;
  readonly gateways?: string;
}

/** Prints every setting: its name in the environment and in the file, its default, what it is for. */
export function printSettings(): void {
  for (const [key, { fallback, about }] of Object.entries<Setting>(settings)) {
    const value = typeof fallback === "string" ? fallback : JSON.stringify(fallback);
    console.log(
      `${environmentName(key)}  (in the file: ${key}; default: ${value === "" ? "empty" : value})\n    ${about}`,
    );
  }
}

/** Serves until a signal ends it. Resolves with the exit code. */
export async function serve(flags: ServeFlags): Promise<number> {
  const began = performance.now();
  const loaded = loadConfig({
    file: flags.config ?? process.env.PARLEY_CONFIG,
    environment: process.env,
    flags: {
      dataDir: flags.dataDir,
      host: flags.host,
      insecure: flags.insecure,
      "auth.mode": flags.auth,
      engine: flags.engine,
      gateways: flags.gateways,
      "http.port": flags.wsPort,
      "nativeTcp.port": flags.tcpPort,
    },
  });
  if (!loaded.ok) {
    for (const fault of loaded.faults) console.error(`parley: ${fault}`);
    return exitCodes.usage;
  }
  const exposure = refuseToServe(loaded.config);
  if (exposure) {
    console.error(`parley: ${exposure}`);
    return exitCodes.usage;
  }
  const warning = warnOf(loaded.config);
  if (warning) console.error(`parley: ${warning}`);
  const log = standardErrorLog(loaded.config);
  const server = await startServer(loaded.config, { log }).catch((error: unknown) => {
    if (error instanceof AuthenticationRefused) {
      for (const fault of error.faults) console.error(`parley: ${fault}`);
      return exitCodes.usage;
    }
    console.error(`parley: ${explain(error, loaded.config)}`);
    return exitCodes.failed;
  });
  if (typeof server === "number") return server;
  const signalled = untilSignalled();
  announce(
    server.listeners,
    loaded.config.engine === "memory" ? "in memory, gone when it ends" : `in ${loaded.config.dataDir}`,
    loaded.config["auth.mode"],
    began,
  );
  process.on("SIGHUP", () => server.reload());
  console.log(`${await signalled}: closing.`);
  return end(server, log);
}

/** Ends the server in good order; a second signal ends it at once, as a crash would. Does not return. */
async function end(server: RunningServer, log: ServerLog): Promise<never> {
  void untilSignalled().then((signal) => {
    console.log(`${signal} again: ending at once.`);
    process.exit(exitCodes.forced);
  });
  try {
    await server.stop();
  } catch (error) {
    if (!(error instanceof DrainTimeout)) throw error;
    log.error("not drained in time", error);
    log.flush();
    process.exit(exitCodes.forced);
  }
  log.flush();
  // Peers that do not read keep their sockets open for a while: nothing waits for them any more.
  process.exit(exitCodes.ok);
}

function standardErrorLog(config: Config): ServerLog {
  const { isTTY } = process.stderr;
  const format = config["log.format"] === "auto" ? (isTTY ? "text" : "json") : config["log.format"];
  return createPinoLog({
    level: config["log.level"],
    format,
    inColour: isTTY && (process.env.NO_COLOR ?? "") === "",
    write: writeStandardError,
  });
}

/** At once, so that the last line before an end is there; a reader that went away, or does not read, is no reason to end. */
function writeStandardError(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // There is nowhere left to say it.
  }
}

const chats = "npx parley chat alice --to bob · npx parley chat bob --to alice";

/** By `auth.mode`: who may log in. */
const doors: Readonly<Record<Config["auth.mode"], string>> = {
  open: "Anybody on this machine may log in.",
  token: "Logging in takes a token of your backend.",
  accounts: "Logging in takes an account: `parley user add NAME` makes one.",
};

function announce(listeners: readonly Listener[], where: string, mode: Config["auth.mode"], began: number): void {
  console.log(`Parley keeps its data ${where}. ${doors[mode]}`);
  const width = Math.max(...listeners.map(({ url }) => url.length));
  for (const { url, purpose } of listeners) console.log(`  ${url.padEnd(width)}  ${purpose}`);
  const canChat = mode === "open" && listeners.some(({ url }) => url.startsWith("ws:") && url.endsWith(nativePath));
  const hint = canChat ? ` Try, in two more terminals: ${chats}` : "";
  console.log(`ready in ${((performance.now() - began) / 1000).toFixed(2)} s.${hint}`);
}

function explain(error: unknown, config: Config): string {
  if (error instanceof StoreRefused || error instanceof CertificateRefused) return error.message;
  const { code, port, address } = error as { code?: string; port?: number; address?: string };
  if (code === "EADDRINUSE")
    return `${address}:${port}${settingOf(port, config)} is in use. Stop what uses it, or choose another port or fewer gateways (parley serve --settings).`;
  if (code === "EACCES")
    return `${address}:${port}${settingOf(port, config)} may not be bound by this user. Choose a port above 1023.`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The setting that a port comes from, in brackets. */
function settingOf(port: number | undefined, config: Config): string {
  const keys = (Object.keys(settings) as (keyof Config)[]).filter((key) => /port$/i.test(key) && config[key] === port);
  return keys.length === 0 ? "" : ` (${keys.join(" or ")})`;
}

/** Resolves with the signal that asks the server to end. Listens from the call on. */
function untilSignalled(): Promise<string> {
  return new Promise((resolve) => {
    for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => resolve(name));
  });
}
