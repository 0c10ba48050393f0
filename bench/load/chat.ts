/**
 * Real chat as fast as it goes: the lines of IRC logs, said by their nicks in the order of the log, to everybody of that log.
 * Without comings and goings, kills and cuts: those are `npm run replay`'s.
 */

import { type LogFile, readLog } from "../../tools/replay/log-file.ts";
import { type Nick, scribeName, userNameOf } from "../../tools/replay/nick-mapping.ts";
import type { Figures } from "../figures.ts";
import { processorMs } from "../targets/process-figures.ts";
import type { Conversation, Dialect } from "./dialect.ts";
import { dialectOf } from "./dialects.ts";
import { Tally } from "./tally.ts";
import { inParallel } from "./timing.ts";
import type { Chat, WorkloadOf } from "./workload.ts";

const maxNameCharacters = 64;

interface Play {
  readonly lines: number;
  readonly deliveries: number;
  readonly seconds: number;
}

export async function replayChat(workload: WorkloadOf<Chat>): Promise<Figures> {
  const { files, dialect: name, durability, run, serverPid } = workload;
  const dialect = dialectOf(name, durability, run);
  const logs = files.map(readLog);
  if (logs[0]) await playLog(workload, dialect, logs[0], `${run}w`);
  const total = { lines: 0, deliveries: 0, seconds: 0, processorMs: 0 };
  for (const [index, log] of logs.entries()) {
    // Only while lines are said: coming in is not what is measured here.
    let before = Number.NaN;
    const begins = () => {
      before = processorMs(serverPid);
    };
    const { lines, deliveries, seconds } = await playLog(workload, dialect, log, `${run}${index}`, begins);
    total.processorMs += processorMs(serverPid) - before;
    total.lines += lines;
    total.deliveries += deliveries;
    total.seconds += seconds;
  }
  return {
    perSecond: total.lines / total.seconds,
    deliveriesPerSecond: total.deliveries / total.seconds,
    serverMicroseconds: (1000 * total.processorMs) / total.deliveries,
  };
}

/** Brings the people of a log into a room, plays its lines, and lets them go. `id` is part of all names. */
async function playLog(
  { ports, dialect: name, inFlight }: WorkloadOf<Chat>,
  dialect: Dialect,
  log: LogFile,
  id: string,
  begins = () => {},
): Promise<Play> {
  const lines = log.events.filter((event) => event.type === "line");
  const people = new Map<Nick | undefined, string>();
  if (lines.some(({ nick }) => nick === undefined)) people.set(undefined, nameOf(scribeName, id, 0));
  for (const nick of log.nicks) people.set(nick, nameOf(userNameOf(nick), id, people.size));
  const users = [...people.values()];
  const room = await dialect.room(`#chat-${id}`, users, ports);
  const delivered = new Tally();
  const conversations = new Map<string, Conversation>();
  const receivers = users.length - 1;
  let next = 0;
  const speak = () => {
    while (next < lines.length && next < delivered.count / receivers + inFlight) {
      const line = lines[next++] as (typeof lines)[number];
      const one = conversations.get(people.get(line.nick) ?? "");
      if (!one) throw new Error(`nobody says line ${line.line} of ${log.path}`);
      one.link.send(one.sends(room, 1, spoken(line.body)));
    }
  };
  await inParallel(users.length, async (index) => {
    const user = users[index] as string;
    const conversation = await dialect.join(ports[name] ?? 0, user, {
      heard: (_, { deliveries }) => {
        if (deliveries === 0) return;
        delivered.add(deliveries);
        speak();
      },
    });
    conversations.set(user, conversation);
  });
  begins();
  const began = performance.now();
  speak();
  await delivered.reach(lines.length * receivers);
  const seconds = (performance.now() - began) / 1000;
  for (const { link } of conversations.values()) link.close();
  return { lines: lines.length, deliveries: delivered.count, seconds };
}

/** A name of this run, so that nobody returns to what earlier runs said. Where it would be too long, the person's number. */
function nameOf(name: string, id: string, number: number): string {
  const whole = `${name}-${id}`;
  return whole.length <= maxNameCharacters ? whole : `${number}-${id}`;
}

/** A line as the inside of a JSON string in ASCII. What is not UTF-8 is said as if each of its bytes were a character. */
function spoken(body: string | Uint8Array): string {
  const text = typeof body === "string" ? body : Buffer.from(body).toString("latin1");
  const escaped = JSON.stringify(text).slice(1, -1);
  return `${escaped.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)}~`;
}
