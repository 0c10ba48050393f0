/** The command line of the replay: every option with its default, and all that is wrong with what was given. */
import { parseArgs } from "node:util";

export interface Options {
  readonly files: readonly string[];
  readonly kills: number;
  readonly cuts: number;
  readonly seed: number;
  /** Lines per second; 0: as fast as they are taken. */
  readonly rate: number;
  /** Of a server that is running; empty: the replay starts one. */
  readonly urls: readonly string[];
  /** What to start instead of `parley`: a script that takes the same arguments. */
  readonly server: string | undefined;
}

export type OptionsResult =
  | { readonly type: "run"; readonly options: Options }
  | { readonly type: "help" }
  | { readonly type: "wrong"; readonly faults: readonly string[] };

export const usage = `Usage: npm run replay -- [options] FILE…

Plays IRC logs against a Parley server: every nick becomes a user with a connection of its own, every line is sent to
the room, connections are cut and the server is killed meanwhile. In the end it compares what was sent with what came.

  --kills N      kill -9 of the server during the run (default: 5, or one for each file where those are more)
  --cuts SHARE   share of the connections that is cut at any time, 0 to 0.9 (default 0.05)
  --seed N       repeat a run: the same cuts and kills at the same lines (default: a random one, printed)
  --rate N       lines per second (default: as fast as they are taken)
  --url URL      play against a running server instead (ws://… or tcp://…; may be given twice, taken in turn); no kills
  --server FILE  start this script instead of \`parley\`; it is given the same arguments
  --help         this text

Exit code: 0 everything came once, in order, where it belongs · 1 it did not · 2 wrong usage or unreadable file
Example: npm run replay -- --seed 7 ../shared/data/irc/2012-06-02.train-a.txt
`;

const defaultKills = 5;
const defaultCuts = 0.05;
const maxCuts = 0.9;

/** Reads the arguments (without `node` and the script). `randomSeed` is taken where none is given. */
export function parseOptions(args: readonly string[], randomSeed: number): OptionsResult {
  const faults: string[] = [];
  const parsed = parse(args, faults);
  if (!parsed) return { type: "wrong", faults };
  const { values, positionals: files } = parsed;
  if (values.help) return { type: "help" };
  const urls = values.url ?? [];
  const number = (name: "kills" | "cuts" | "seed" | "rate", fallback: number, max: number, isWhole: boolean) => {
    const text = values[name];
    if (text === undefined) return fallback;
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (value >= 0 && value <= max && (!isWhole || Number.isInteger(value))) return value;
    faults.push(`--${name} takes a ${isWhole ? "whole number" : "number"} from 0 to ${max}, not "${text}"`);
    return fallback;
  };
  const options = {
    files,
    kills: number("kills", urls.length > 0 ? 0 : Math.max(defaultKills, files.length), 10_000, true),
    cuts: number("cuts", defaultCuts, maxCuts, false),
    seed: number("seed", randomSeed, 2 ** 32 - 1, true),
    rate: number("rate", 0, 1_000_000, false),
    urls,
    server: values.server,
  };
  if (files.length === 0) faults.push("no file given");
  for (const url of urls) if (!isServerUrl(url)) faults.push(`--url takes ws://…, wss://… or tcp://…, not "${url}"`);
  if (urls.length > 0 && (options.kills > 0 || options.server !== undefined))
    faults.push("--kills and --server are for a server that the replay starts, not for --url");
  return faults.length > 0 ? { type: "wrong", faults } : { type: "run", options };
}

function parse(args: readonly string[], faults: string[]) {
  const text = { type: "string" } as const;
  const options = {
    kills: text,
    cuts: text,
    seed: text,
    rate: text,
    url: { ...text, multiple: true },
    server: text,
    help: { type: "boolean", short: "h" },
  } as const;
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

function isServerUrl(url: string): boolean {
  return URL.canParse(url) && ["ws:", "wss:", "tcp:"].includes(new URL(url).protocol);
}
