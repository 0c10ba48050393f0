/** The command line of the benchmark: every option with its default, and all that is wrong with what was given. */
import { parseArgs } from "node:util";
import { type ParleyProtocol, parleyProtocols } from "./load/workload.ts";
import { chosenScenarios, type Extent, type Scenario, scenarios } from "./scenarios.ts";

export interface Options {
  readonly scenarios: readonly Scenario[];
  readonly protocols: readonly ParleyProtocol[];
  readonly peers: boolean;
  /** The revision to compare with. */
  readonly compare: string | undefined;
  /** Where the JSON and the chart go. */
  readonly out: string | undefined;
  readonly extent: Omit<Extent, "logs">;
  /** How many of the chat logs. */
  readonly logs: number;
}

export type OptionsResult =
  | { readonly type: "run"; readonly options: Options }
  | { readonly type: "help" }
  | { readonly type: "wrong"; readonly faults: readonly string[] };

const keys = [...new Set(scenarios.map(({ key }) => key))];

export const usage = `Usage: npm run bench -- [options]

Measures Parley, the server on one core and the load generator on another, in interleaved rounds. Prints a table for each
scenario and writes all figures as JSON and an SVG chart. What is measured and how to read it: docs/benchmarks.md.

  --scenarios LIST   of ${keys.join(", ")};
                     or single ones: ${scenarios.map(({ name }) => name).join(", ")}
                     (default: all)
  --protocols LIST   of ${parleyProtocols.join(", ")} (default: all)
  --peers            also nats-server, mosquitto, Socket.IO and ws, where installed (npm run bench:install-peers)
  --compare REV      this checkout against another revision of it, in turn, with the ratio of each scenario
  --rounds N         rounds of each scenario (default 3)
  --seconds N        measured time of a run, after warm-up (default 3)
  --stored N         messages in the full store (default 10000000: some 5 GB in the temporary directory)
  --connections N    idle connections (default 10000)
  --drained N        messages that wait (default 200000)
  --logs N           chat logs of ../shared/data/irc to play (default 8; 0: all)
  --quick            short runs and small sizes, for a first look: figures are not to be relied on
  --out DIR          where the JSON and the chart go (default bench/results)
  --help             this text

Exit code: 0 all was measured · 1 something could not be · 2 wrong usage · 130 interrupted
Example: npm run bench -- --scenarios direct,fan-out --peers
`;

const normal = { rounds: 3, seconds: 3, stored: 10_000_000, connections: 10_000, drained: 200_000, logs: 8 } as const;
const quick = { rounds: 2, seconds: 0.5, stored: 200_000, connections: 500, drained: 20_000, logs: 1 } as const;
const warmUps = { normal: [1500, 5000], quick: [300, 600] } as const;

/** Reads the arguments (without `node` and the script). */
export function parseOptions(args: readonly string[]): OptionsResult {
  const faults: string[] = [];
  const values = parse(args, faults);
  if (!values) return { type: "wrong", faults };
  if (values.help) return { type: "help" };
  const sizes = values.quick ? quick : normal;
  const number = (name: keyof typeof normal, min: number, max: number) => {
    const text = values[name];
    if (text === undefined) return sizes[name];
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (value >= min && value <= max && (name === "seconds" || Number.isInteger(value))) return value;
    faults.push(`--${name} takes a ${name === "seconds" ? "" : "whole "}number from ${min} to ${max}, not "${text}"`);
    return sizes[name];
  };
  const listed = (text = "") => text.split(",").filter((word) => word !== "");
  const { chosen, unknown } = chosenScenarios(listed(values.scenarios));
  for (const word of unknown) faults.push(`there is no scenario "${word}"`);
  const protocols = listed(values.protocols);
  for (const word of protocols)
    if (!parleyProtocols.some((name) => name === word)) faults.push(`there is no protocol "${word}"`);
  if (values.peers && values.compare !== undefined) faults.push("--peers and --compare are two questions: ask one");
  const [warmUpMs, firstWarmUpMs] = values.quick ? warmUps.quick : warmUps.normal;
  const options: Options = {
    scenarios: chosen,
    protocols: protocols.length === 0 ? parleyProtocols : parleyProtocols.filter((name) => protocols.includes(name)),
    peers: values.peers ?? false,
    compare: values.compare,
    out: values.out,
    extent: {
      rounds: number("rounds", 1, 1000),
      measureMs: number("seconds", 0.1, 3600) * 1000,
      warmUpMs,
      firstWarmUpMs,
      stored: number("stored", 1, 1e9),
      connections: number("connections", 1, 1e6),
      drained: number("drained", 100, 1e7),
    },
    logs: number("logs", 0, 1000),
  };
  return faults.length > 0 ? { type: "wrong", faults } : { type: "run", options };
}

function parse(args: readonly string[], faults: string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const options = {
    scenarios: text,
    protocols: text,
    peers: flag,
    compare: text,
    rounds: text,
    seconds: text,
    stored: text,
    connections: text,
    drained: text,
    logs: text,
    quick: flag,
    out: text,
    help: { ...flag, short: "h" },
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}
