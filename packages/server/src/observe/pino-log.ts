/**
 * The log of `parley serve`: pino, one line of JSON each, or words where a person looks on. Written at once, so that the
 * last line before an end is there. Bodies and tokens are not given to it; what is named like one is left out all the same.
 */
import { pino } from "pino";
import type { Log, LogFields } from "../core/log.ts";
import type { LogLevel } from "./log-level.ts";
import { escaped, readable } from "./log-line.ts";
import { Repetition } from "./repetition.ts";

export interface PinoLogOptions {
  readonly level: LogLevel;
  /** `json`: for programs; `text`: for people. */
  readonly format: "json" | "text";
  readonly inColour: boolean;
  readonly write: (text: string) => void;
  /** How often lines that say the same are written. Default: 20 in 10 s. */
  readonly repetition?: { readonly limit: number; readonly intervalMs: number };
}

const secret = ["body", "token", "password", "secret", "authorization", "payload", "key"];
const maxErrorText = 2000;

/** A log, and what writes the rest of it at the end. */
export interface ServerLog extends Log {
  flush(): void;
}

export function createPinoLog({ level, format, inColour, write, repetition }: PinoLogOptions): ServerLog {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secret.flatMap((name) => [name, `*.${name}`]), remove: true },
    },
    {
      write: (line: string) => write(format === "json" ? `${escaped(line.trimEnd())}\n` : readable(line, inColour)),
    },
  );
  type Level = Exclude<LogLevel, "silent">;
  const repeats = new Repetition({
    ...{ limit: 20, intervalMs: 10_000, ...repetition },
    omitted: (kind, count) => {
      const [level = ""] = kind.split(" ", 1);
      logger[level as Level]({ omitted: count }, `${kind.slice(level.length + 1)} (more of the same)`);
    },
  });
  const say = (level: Level, message: string, about: LogFields | object) => {
    if (logger.isLevelEnabled(level) && repeats.allows(`${level} ${message}`)) logger[level](about, message);
  };
  return {
    error: (message, error, about) =>
      say("error", message, error === undefined ? { ...about } : { ...about, error: described(error) }),
    warn: (message, about = {}) => say("warn", message, about),
    info: (message, about = {}) => say("info", message, about),
    debug: (message, about = {}) => {
      if (logger.isLevelEnabled("debug")) logger.debug(about, message);
    },
    flush: () => repeats.flush(),
  };
}

/** Of an exception what helps: never a part of some text that could not be parsed, which `SyntaxError` quotes. */
function described(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error).slice(0, maxErrorText) };
  const { name, message, stack = "" } = error;
  const code = (error as NodeJS.ErrnoException).code;
  const known = code === undefined ? {} : { code };
  const frames = stack.slice(stack.indexOf("\n    at ") + 1);
  const says = error instanceof SyntaxError ? "text that could not be parsed" : message.slice(0, maxErrorText);
  return {
    name,
    message: says,
    ...known,
    stack: `${name}: ${says}\n${stack.includes("\n    at ") ? frames : ""}`.trimEnd(),
  };
}
