/**
 * `npm run bench`: Parley under load, beside its peers or beside another revision of itself. What is measured and how to read
 * it: docs/benchmarks.md.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { styleText } from "node:util";
import { inWords, measure, type Planned, plan } from "./benchmark.ts";
import { comparisonLines } from "./comparison.ts";
import type { MeasuredScenario } from "./measured-scenario.ts";
import { type Options, parseOptions, usage } from "./options.ts";
import type { Checkout } from "./participants.ts";
import { Progress } from "./progress.ts";
import { promiseLines, scenarioLines } from "./report.ts";
import { writeResults } from "./results.ts";
import { git, isRevision, withRevision } from "./revision.ts";
import type { Extent } from "./scenarios.ts";

const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;
const root = fileURLToPath(new URL("..", import.meta.url));
const logDirectory = fileURLToPath(new URL("../../shared/data/irc", import.meta.url));
const now = "now";

/** Bold on a terminal; `styleText` knows what the stream is. */
const emphasis = (text: string) => styleText("bold", text, { stream: process.stdout });

function say(lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

async function main(args: readonly string[]): Promise<number> {
  const parsed = parseOptions(args);
  if (parsed.type === "help") {
    process.stdout.write(usage);
    return exitCodes.done;
  }
  const faults = parsed.type === "wrong" ? [...parsed.faults] : [];
  const compare = parsed.type === "run" ? parsed.options.compare : undefined;
  if (compare !== undefined && !(await isRevision(root, compare))) faults.push(`there is no revision "${compare}"`);
  if (parsed.type === "wrong" || faults.length > 0) {
    for (const fault of faults) console.error(`bench: ${fault}`);
    console.error("bench: --help tells what there is");
    return exitCodes.usage;
  }
  return runUntilInterrupted(parsed.options);
}

/** The first signal ends everything in good order, the second at once: what runs is killed with this process. */
async function runUntilInterrupted(options: Options): Promise<number> {
  const interruption = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.on(name, () => {
      if (interruption.signal.aborted) process.exit(exitCodes.interrupted);
      console.error("\nbench: interrupted, ending the servers");
      interruption.abort();
    });
  const { signal } = interruption;
  try {
    const { compare } = options;
    if (compare === undefined) return await run(options, [{ name: "", root }], signal);
    return await withRevision(root, compare, signal, (before) =>
      run(
        options,
        [
          { name: compare, root: before },
          { name: now, root },
        ],
        signal,
      ),
    );
  } catch (error) {
    if (signal.aborted) return exitCodes.interrupted;
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
    return exitCodes.failed;
  }
}

async function run(options: Options, checkouts: readonly Checkout[], signal: AbortSignal): Promise<number> {
  const startedAt = new Date();
  const { scenarios, logs: count, compare } = options;
  const extent: Extent = {
    ...options.extent,
    logs: scenarios.some(({ key }) => key === "chat") ? chatLogs(count) : [],
  };
  const planned = plan(options, extent, checkouts);
  announce(planned);
  const progress = new Progress(process.stderr);
  const measured = await measure(planned, extent, {
    signal,
    // Names of users differ from those of any run before on this machine.
    runPrefix: startedAt.getTime().toString(36).slice(-6),
    progress: (text) => progress.show(text),
    measured: (one) => {
      progress.clear();
      say(scenarioLines(one, emphasis));
      if (compare !== undefined) say(comparisonLines(one, compare, now, emphasis));
    },
  }).finally(() => progress.clear());
  say(promiseLines(measured, emphasis));
  const { json, chart } = await writeResults({
    directory: options.out ?? join(root, "bench/results"),
    measured,
    extent,
    startedAt,
    revision: await git(root, "describe", "--always", "--dirty").catch(() => "of no known revision"),
    ...(compare === undefined ? {} : { compared: { before: compare, now } }),
  });
  console.log(`All figures: ${json}\nChart: ${chart}`);
  return isComplete(measured) ? exitCodes.done : exitCodes.failed;
}

function announce(planned: readonly Planned[]): void {
  const total = planned.reduce((sum, { ms }) => sum + ms, 0);
  console.log(
    `About ${inWords(total)}: ${planned.map(({ scenario, ms }) => `${scenario.name} ${inWords(ms)}`).join(", ")}\n`,
  );
}

function isComplete(measured: readonly MeasuredScenario[]): boolean {
  return measured.every(({ outcomes }) => outcomes.every(({ failure }) => failure === undefined));
}

/** So many logs (0: all), evenly over the years they are from. Throws where there are none. */
function chatLogs(count: number): string[] {
  const names = readdirSync(logDirectory)
    .filter((name) => name.endsWith(".txt"))
    .sort();
  const wanted = count === 0 ? names.length : Math.min(count, names.length);
  return Array.from({ length: wanted }, (_, index) =>
    join(logDirectory, names[Math.floor((index * names.length) / wanted)] ?? ""),
  );
}

process.exitCode = await main(process.argv.slice(2));
