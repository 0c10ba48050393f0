/**
 * Users who return to messages that wait: each has been there once, on the same protocol; the messages come over native TCP
 * while they are away; then all connect at once. Timed from the first connect to the last message.
 */
import type { Figures } from "../figures.ts";
import { processorMs } from "../targets/process-figures.ts";
import { dialectOf } from "./dialects.ts";
import { native } from "./native.ts";
import { Tally } from "./tally.ts";
import { delay, inParallel } from "./timing.ts";
import type { Drain, WorkloadOf } from "./workload.ts";

/** Of each sender, while the store is filled. */
const inFlight = 64;
/** What filling leaves to do in the background is done. */
const restMs = 1000;

export async function drain(workload: WorkloadOf<Drain>): Promise<Figures> {
  const { dialect: name, durability, ports, users, messagesEach, serverPid, run } = workload;
  const dialect = dialectOf(name, durability, run);
  const port = ports[name] ?? 0;
  const names = Array.from({ length: users }, (_, index) => `r${run}-${index}`);
  await inParallel(users, async (index) => {
    const { link } = await dialect.join(port, names[index] as string, { heard: () => {} });
    link.close();
  });
  await fill(workload, names);
  await delay(restMs);
  const delivered = new Tally();
  const processorBefore = processorMs(serverPid);
  const began = performance.now();
  await Promise.all(
    names.map(async (user) => {
      if (!dialect.comeBack) throw new Error(`${name} keeps nothing`);
      await dialect.comeBack(port, user, { heard: (_, { deliveries }) => delivered.add(deliveries) });
    }),
  );
  const total = users * messagesEach;
  await delivered.reach(total);
  const drainSeconds = (performance.now() - began) / 1000;
  if (delivered.count !== total) throw new Error(`${delivered.count} messages came, not ${total}`);
  return {
    drainSeconds,
    perSecond: total / drainSeconds,
    serverMicroseconds: (1000 * (processorMs(serverPid) - processorBefore)) / total,
  };
}

async function fill({ ports, messagesEach, run }: WorkloadOf<Drain>, names: readonly string[]): Promise<void> {
  const { join } = native({ carrier: "tcp", durability: "fsync", run: `${run}-fill` });
  const stored = new Tally();
  const senders = names.map(async (to, index) => {
    let left = messagesEach;
    const send = (count: number) => {
      const now = Math.min(count, left);
      left -= now;
      if (now > 0) link.send(sends(to, now));
    };
    const { link, sends } = await join(ports["native-tcp"] ?? 0, `s${run}-${index}`, {
      heard: (_, { answers }) => {
        stored.add(answers);
        send(answers);
      },
    });
    return { link, begin: () => send(inFlight) };
  });
  const ready = await Promise.all(senders);
  for (const { begin } of ready) begin();
  await stored.reach(names.length * messagesEach);
  for (const { link } of ready) link.close();
}
