/**
 * `npm run replay -- FILE…`: plays IRC logs against a Parley server that it starts, kills and starts again, and says
 * whether everything came once, in order, to whom it was for. What it does and how to read it: docs/replay.md.
 */
import { randomBytes, randomInt } from "node:crypto";
import { type LogFile, readLog } from "./log-file.ts";
import { type Options, parseOptions, usage } from "./options.ts";
import { Progress } from "./progress.ts";
import { Random } from "./random.ts";
import { reportLines } from "./report.ts";
import { Run } from "./run.ts";
import { maxBodyBytes, ServerUnderTest } from "./server-under-test.ts";

const exitCodes = { clean: 0, faults: 1, usage: 2, interrupted: 130 } as const;
const maxComplaintLines = 20;

async function main(args: readonly string[]): Promise<number> {
  const parsed = parseOptions(args, randomInt(2 ** 32));
  if (parsed.type === "help") {
    process.stdout.write(usage);
    return exitCodes.clean;
  }
  if (parsed.type === "wrong") {
    for (const fault of parsed.faults) console.error(`replay: ${fault}`);
    process.stderr.write(`\n${usage}`);
    return exitCodes.usage;
  }
  const logs = readLogs(parsed.options.files);
  if (!logs) return exitCodes.usage;
  return play(parsed.options, logs).catch((error: unknown) => {
    console.error(`replay: ${error instanceof Error ? error.message : String(error)}`);
    return exitCodes.faults;
  });
}

/** All files, or undefined after having said which cannot be read. */
function readLogs(files: readonly string[]): LogFile[] | undefined {
  const logs = files.flatMap((file) => {
    try {
      const log = readLog(file);
      if (log.longestBody <= maxBodyBytes) return [log];
      console.error(
        `replay: ${file}: a line of ${log.longestBody} bytes is longer than the server takes (${maxBodyBytes})`,
      );
    } catch (error) {
      console.error(`replay: ${file}: ${error instanceof Error ? error.message : String(error)}`);
    }
    return [];
  });
  return logs.length === files.length ? logs : undefined;
}

async function play(options: Options, logs: readonly LogFile[]): Promise<number> {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(exitCodes.interrupted));
  const id = randomBytes(3).toString("hex");
  console.log(`replay: seed ${options.seed}, rooms #ubuntu.${id}.1 to #ubuntu.${id}.${logs.length}`);
  const server = options.urls.length > 0 ? undefined : await startServer(options, logs);
  const run = new Run({ options, logs, id, server });
  const progress = new Progress(process.stdout, () => run.progress);
  let isClean = false;
  try {
    const outcome = await run.play();
    progress.stop();
    for (const line of reportLines(outcome)) console.log(line);
    isClean = outcome.findings.isClean;
  } catch (error) {
    progress.stop();
    console.error(`replay: ${run.progress}\nreplay: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (server) isClean = (await endServer(server, !isClean)) && isClean;
  if (!isClean) console.log(`To repeat it: --seed ${options.seed} --kills ${options.kills} --cuts ${options.cuts}`);
  return isClean ? exitCodes.clean : exitCodes.faults;
}

function startServer({ seed, server }: Options, logs: readonly LogFile[]): Promise<ServerUnderTest> {
  const longestBody = Math.max(0, ...logs.map((log) => log.longestBody));
  return ServerUnderTest.start(longestBody, server, new Random(seed, "outages"));
}

/** Ends the server; says what it complained about. False when it had not been well. */
async function endServer(server: ServerUnderTest, keepData: boolean): Promise<boolean> {
  const ended = await server.stop(keepData).then(
    () => true,
    (error: unknown) => {
      console.error(`replay: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    },
  );
  if (server.complaints !== "") console.error(`replay: the server said:\n${beginning(server.complaints)}`);
  if (keepData) console.log(`The server's data are kept in ${server.dataDir}`);
  return ended;
}

/** The first lines of a text, with a word about the others. */
function beginning(text: string): string {
  const lines = text.trimEnd().split("\n");
  const rest = lines.length - maxComplaintLines;
  return [...lines.slice(0, maxComplaintLines), ...(rest > 0 ? [`… and ${rest} more lines`] : [])].join("\n");
}

process.exitCode = await main(process.argv.slice(2));
