/**
 * The client's main promise, on a real server: while people send both ways over WebSocket and TCP, to each other and in a
 * room, the server is killed (`kill -9`) at random moments and brought back on the same data and ports. Every send is
 * answered in the end, and every application sees each message once and in order. The seed is printed; `TAKEAWAY_SEED`
 * repeats the moments of a run.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { until } from "../../packages/client/testing/wait.ts";
import { freePorts } from "../support/free-ports.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { createPerson, createRandom, faultsAmong, Gate, keepSending, type Person } from "./talking-people.ts";

const cycles = 16;
/** How long a server lives after it was ready, at most. */
const longestLifeMs = 500;
const room = "#arena";

interface World {
  readonly start: () => Promise<ServerProcess>;
  readonly random: () => number;
  readonly gate: Gate;
}

/** Kills and restarts the server again and again; resolves with the last one, which runs. */
async function takeAway({ start, random, gate }: World): Promise<ServerProcess> {
  let server = await start();
  for (let cycle = 0; cycle < cycles; cycle++) {
    await delay((random() * longestLifeMs) / 2);
    if (cycle % 2 === 0) gate.close();
    await delay((random() * longestLifeMs) / 2);
    await server.kill("SIGKILL");
    server = await start();
    gate.open();
  }
  return server;
}

/** Everything that the clients tell and that should not come. */
function collectUnexpected(people: readonly Person[]): unknown[] {
  const unexpected: unknown[] = [];
  for (const { client } of people) {
    for (const name of ["rejected", "reset", "gap"] as const)
      client.on(name, (event) => unexpected.push({ name, event }));
  }
  return unexpected;
}

/** How many messages everybody else has sent that are for this person. */
function expectedBy(person: Person, people: readonly Person[]): number {
  return people
    .filter((sender) => sender !== person)
    .reduce((sum, { sent }) => sum + (sent.get(person.name) ?? 0) + (sent.get(room) ?? 0), 0);
}

test("takes the server away in the middle of everything, many times, and the application sees each message once, in order", {
  timeout: 90_000,
}, async (context) => {
  const seed = Number(process.env.TAKEAWAY_SEED ?? Math.floor(Math.random() * 2 ** 32));
  context.diagnostic(`seed ${seed}`);
  const random = createRandom(seed);
  const gate = new Gate();
  const dataDir = await mkdtemp(join(tmpdir(), "parley-takeaway-"));
  const [wsPort = 0, tcpPort = 0] = await freePorts(2);
  const start = () => startServer({ dataDir, wsPort, tcpPort });

  const first = await start();
  const people = [
    createPerson("ann", first.wsUrl, "loop", { gate, random }),
    createPerson("ben", first.tcpUrl, "gated", { gate, random }),
    createPerson("cleo", first.wsUrl, "iterator", { gate, random }),
    createPerson("dan", first.tcpUrl, "failing", { gate, random: createRandom(seed + 1) }),
  ];
  const unexpected = collectUnexpected(people);
  let connections = 0;
  for (const { client } of people) client.on("state", ({ state }) => (connections += state === "online" ? 1 : 0));
  await Promise.all(people.map(({ client }) => client.connect()));
  await Promise.all(people.map(({ client }) => client.join(room)));
  await first.kill("SIGKILL");
  const sending = people.map((person) => {
    const others = people.filter((other) => other !== person);
    return keepSending(person, [...others.map(({ name }) => name), room]);
  });
  const server = await takeAway({ start, random, gate });
  for (const person of people) person.isSending = false;
  await Promise.all(sending);
  const isComplete = () => people.every((person) => person.handled.length >= expectedBy(person, people));
  // What is missing then is counted below.
  await until("everybody has everything", isComplete, 20_000).catch(() => {});
  await Promise.all(people.map(({ client }) => client.close()));
  await server.stop();
  await rm(dataDir, { recursive: true });

  const results = people.flatMap((person) => person.results);
  const repeats = results.filter(({ duplicate }) => duplicate).length;
  context.diagnostic(
    `${cycles} cycles, ${connections} connections, ${results.length} sends, ${repeats} of them stored before their answer was lost`,
  );
  assert.deepEqual(faultsAmong(people, room), []);
  assert.deepEqual(unexpected, []);
  assert.ok(results.every(({ durability }) => durability === "fsync"));
  assert.equal(new Set(results.map(({ id }) => id)).size, results.length, "each send has an id of its own");
  assert.ok(connections > (cycles * people.length) / 2, `only ${connections} connections: was the server taken away?`);
  assert.ok(results.length > cycles * 50, `only ${results.length} sends: nothing was going on`);
});
