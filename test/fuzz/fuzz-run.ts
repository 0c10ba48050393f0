/**
 * One run of the fuzz: a real server with every listener, two well-behaved clients who talk throughout, and so many inputs
 * of a seed. What has to hold is in the report; nothing is asserted here, so that planted bugs can be looked for with it.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ways } from "../gateways/matrix/ways.ts";
import { RawSession } from "../support/raw-session.ts";
import { Attacker } from "./attacker.ts";
import { FuzzedServer, type HeldMemory } from "./fuzzed-server.ts";
import { type FuzzedListener, fuzzedListeners } from "./listeners.ts";
import { type Input, Mutator } from "./mutator.ts";
import { SteadyPair, type SteadyReport, steadyNames } from "./steady-pair.ts";

export interface FuzzOptions {
  readonly dataDir: string;
  readonly seed: number;
  readonly inputs: number;
  /** All of them unless given. */
  readonly listeners?: readonly FuzzedListener[];
  /** Of the server: a planted bug. */
  readonly env?: Readonly<Record<string, string>>;
  readonly onProgress?: (done: number, memory: HeldMemory | undefined) => void;
}

export interface FuzzReport extends Omit<SteadyReport, "lost"> {
  readonly inputs: number;
  readonly inputsPerSecond: number;
  /** How the server ended before it was told to, if it did. */
  readonly ended: readonly string[];
  readonly bugs: readonly string[];
  /** Lines of the log with a body in them, or with what moves a terminal's cursor. */
  readonly logged: readonly string[];
  readonly lost: readonly string[];
  /** Memory that is held without a reason, in words. */
  readonly leaked: readonly string[];
  /** Messages that took too long, in words. */
  readonly late: readonly string[];
  /** Listeners that do not serve any more, what does not open any more, and connections that were not had. */
  readonly broken: readonly string[];
  readonly memory: { readonly warm?: HeldMemory | undefined; readonly end?: HeldMemory | undefined };
}

/** Inputs under way at a time. */
const parallel = 32;
/** The share of inputs after which memory has to be flat: caches are filled, code is compiled. */
const warmShare = 0.2;
/** What a user costs for as long as the store lives: inputs make users where login is open. 170 bytes in a run of 100,000. */
const bytesPerUser = 512;
/**
 * What may be held beside users, whatever the number of inputs: 16 MiB of journal before a checkpoint and what is made of
 * it meanwhile. A leak of 1 kB in each input of 100,000 is found, in 5,000 one of 10 kB.
 */
const slackBytes = 32 * 1024 * 1024;
/** The resident set follows what is held with the mood of V8 and malloc: what was freed is not always given back. */
const residentSlackBytes = 160 * 1024 * 1024;
/** Generous for two cores that are shared; a blocked event loop is seconds. */
const maxLatencyMs = 5_000;

export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { dataDir, seed, inputs, listeners = fuzzedListeners, env = {}, onProgress = () => {} } = options;
  const data = join(dataDir, "data");
  const server = await FuzzedServer.start(data, env);
  const broken: string[] = [];
  try {
    const token = await freshToken(server);
    const mutator = new Mutator(seed, listeners, () => token);
    const pair = await SteadyPair.start(server.ports.tcp);
    const attacker = new Attacker(server.ports, pair.secret);
    const began = performance.now();
    const warmAt = Math.floor(inputs * warmShare);
    await sendAll(mutator, attacker, server, 0, warmAt, onProgress);
    attacker.close();
    const warm = await settledMemory(server);
    await sendAll(mutator, attacker, server, warmAt, inputs, onProgress);
    const seconds = (performance.now() - began) / 1000;
    attacker.close();
    const end = await settledMemory(server);
    onProgress(inputs, end);
    if (attacker.refused > 0) broken.push(`${attacker.refused} connections were not accepted in time`);
    if (server.exit === undefined) broken.push(...(await silentWays(server)));
    const { lost, ...steady } = await pair.stop();
    const ended =
      server.exit === undefined ? [] : [`the server ended: ${server.exit}\n${server.process.stderr.slice(-2000)}`];
    const bugs = server.bugs();
    const logged = unfitLines(server, pair.secret);
    if (server.exit === undefined) broken.push(...(await stopAndReopen(server, data, steady)));
    return {
      ...steady,
      inputs,
      inputsPerSecond: Math.round(inputs / seconds),
      ended,
      bugs,
      logged,
      lost,
      misdelivered: [...steady.misdelivered, ...attacker.leaks],
      leaked: leaks(warm, end),
      late: steady.maxMs > maxLatencyMs ? [`a message took ${Math.round(steady.maxMs)} ms`] : [],
      broken,
      memory: { warm, end },
    };
  } finally {
    await server.process.kill("SIGKILL");
  }
}

/** Everything in the report that must be empty. */
export function faultsOf(report: FuzzReport): Record<string, readonly string[]> {
  const { ended, bugs, logged, lost, duplicated, reordered, misdelivered, faults, leaked, late, broken } = report;
  return { ended, bugs, logged, lost, duplicated, reordered, misdelivered, faults, leaked, late, broken };
}

/** `secret` is in bodies and nowhere else. Characters that cannot be seen do things to terminals. */
function unfitLines({ process: { stdout, stderr } }: FuzzedServer, secret: string): string[] {
  const lines = `${stdout}\n${stderr}`.split("\n");
  return lines.filter((line) => line.includes(secret) || /[\p{Cc}\p{Bidi_Control}]/u.test(line.replaceAll("\t", "")));
}

async function sendAll(
  mutator: Mutator,
  attacker: Attacker,
  server: FuzzedServer,
  from: number,
  to: number,
  onProgress: (done: number, memory: undefined) => void,
): Promise<void> {
  let next = from;
  const work = async () => {
    while (next < to && server.exit === undefined) {
      const number = next++;
      if (number % 1000 === 999) onProgress(number + 1, undefined);
      await attacker.send(mutator.input(number) satisfies Input);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
}

/** What is held when those who went are forgotten: the least of some looks. */
async function settledMemory(server: FuzzedServer): Promise<HeldMemory | undefined> {
  let least: HeldMemory | undefined;
  for (let look = 0; look < 4; look++) {
    await sleep(250);
    const memory = await server.memory();
    if (memory && (!least || memory.heldBytes < least.heldBytes)) least = memory;
  }
  return least;
}

function leaks(warm: HeldMemory | undefined, end: HeldMemory | undefined): string[] {
  if (!warm || !end) return ["the server did not say what it holds"];
  const allowed = slackBytes + (end.users - warm.users) * bytesPerUser;
  const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const found = [];
  if (end.heldBytes - warm.heldBytes > allowed)
    found.push(
      `holds ${mebibytes(end.heldBytes)} after ${mebibytes(warm.heldBytes)}; ${mebibytes(allowed)} more is allowed`,
    );
  if (end.residentBytes - warm.residentBytes > allowed + residentSlackBytes)
    found.push(`is ${mebibytes(end.residentBytes)} large after ${mebibytes(warm.residentBytes)}`);
  return found;
}

/** A token of the push gateway, for inputs that need one to come further. */
async function freshToken({ ports }: FuzzedServer): Promise<string> {
  const body = JSON.stringify({ username: "corpus-push" });
  const response = await fetch(`http://127.0.0.1:${ports.http}/token`, { method: "POST", body });
  return ((await response.json()) as { token: string }).token;
}

/** Every way in still works: who comes by it is heard by somebody. Returns those that do not. */
async function silentWays({ ports }: FuzzedServer): Promise<string[]> {
  const listener = await RawSession.login(ports.tcp, "afterwards", { device: "d" });
  const heard = new Set<string>();
  listener.onMessage((message) => {
    if (message.op !== "message") return;
    heard.add(message.body);
    listener.send({ op: "ack", log: message.log, seq: message.seq });
  });
  const silent: string[] = [];
  for (const way of ways) {
    const text = `served by ${way.name}`;
    try {
      const presence = await way.arrive(ports, `afterwards-${way.name}`, () => {});
      await presence.say("afterwards", text);
      for (let waited = 0; waited < 10_000 && !heard.has(text); waited += 10) await sleep(10);
      await presence.leave();
    } catch (error) {
      silent.push(`${way.name}: ${error}`);
    }
    if (!heard.has(text)) silent.push(`${way.name} is not heard any more`);
  }
  listener.close();
  return silent;
}

/** Ends the server in good order and opens its store again: the steady pair's messages are all there, in order. */
async function stopAndReopen(
  server: FuzzedServer,
  data: string,
  steady: Omit<SteadyReport, "lost">,
): Promise<string[]> {
  const broken: string[] = [];
  const code = await server.process.stop().catch((error: Error) => error.message);
  if (code !== 0) broken.push(`the server did not stop in good order: ${code}`);
  const again = await FuzzedServer.start(data);
  try {
    let stored = 0;
    for (const name of steadyNames) stored += await countStored(again.ports.tcp, name, broken);
    if (stored !== steady.received)
      broken.push(`${stored} messages are in the store, ${steady.received} were received`);
    if ((await again.process.stop()) !== 0) broken.push("the reopened server did not stop in good order");
  } finally {
    await again.process.kill("SIGKILL");
  }
  return broken;
}

async function countStored(port: number, name: string, broken: string[]): Promise<number> {
  const session = await RawSession.login(port, name, { device: "reader" });
  let after = 0;
  for (;;) {
    session.send({ op: "history", log: name, after, limit: 500 });
    const page = await session.next("page");
    for (const { seq } of page.messages) {
      if (seq !== after + 1) broken.push(`${name}'s log has ${seq} after ${after}`);
      after = seq;
    }
    if (page.next === undefined) break;
  }
  session.close();
  return after;
}
