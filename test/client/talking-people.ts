/**
 * People who keep talking to each other through the client library, for `takeaway.test.ts`: each sends numbered messages
 * to the others and to a room, consumes its own in one of four ways, and records what its application finished.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type Client, createClient, type Message, type SendResult } from "@parley/client";
import { nodeTransport } from "@parley/client/node";

/** Sends that one person has open at a time. */
const openSends = 20;

export interface Person {
  readonly name: string;
  readonly client: Client;
  /** What the application was handed, and finished. */
  readonly handled: Message[];
  /** Counters sent so far, by address. */
  readonly sent: Map<string, number>;
  readonly results: SendResult[];
  isSending: boolean;
}

/** A handler waits here while it is closed. */
export class Gate {
  #closed: PromiseWithResolvers<void> | undefined;

  close(): void {
    this.#closed ??= Promise.withResolvers();
  }

  open(): void {
    this.#closed?.resolve();
    this.#closed = undefined;
  }

  async pass(): Promise<void> {
    await this.#closed?.promise;
  }
}

interface Consuming {
  readonly handle: (message: Message) => void;
  readonly random: () => number;
  readonly gate: Gate;
}

/** The ways of consuming messages, all of which must see each once. */
export const consumers = {
  loop: (client, { handle }) => client.on("message", handle),
  /** With the gate, so that the server can go while messages wait in the client, which it will send again. */
  gated: (client, { handle, gate }) =>
    client.on("message", async (message) => {
      await gate.pass();
      handle(message);
    }),
  iterator: async (client, { handle }) => {
    for await (const message of client.messages()) handle(message);
  },
  failing: (client, { handle, random }) => {
    client.on("error", () => {});
    client.on("message", (message) => {
      if (random() < 0.02) throw new Error("the application failed before it was done");
      handle(message);
    });
  },
} as const satisfies Record<string, (client: Client, consuming: Consuming) => unknown>;

/** Reproducible numbers in [0, 1) (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Makes a person with a client that is not connected yet. */
export function createPerson(
  name: string,
  url: string,
  way: keyof typeof consumers,
  about: Omit<Consuming, "handle">,
): Person {
  const client = createClient({
    url,
    user: name,
    device: "only",
    transport: nodeTransport(),
    backoff: { baseMs: 20, capMs: 100 },
    handlerBackoff: { baseMs: 1, capMs: 5 },
  });
  const handled: Message[] = [];
  consumers[way](client, { handle: (message) => handled.push(message), ...about });
  return { name, client, handled, sent: new Map(), results: [], isSending: true };
}

/** Sends numbered messages to each address in turn until told to stop; resolves when the last has its answer. */
export async function keepSending(person: Person, addresses: readonly string[]): Promise<void> {
  const sendOne = async (address: string) => {
    const counter = person.sent.get(address) ?? 0;
    person.sent.set(address, counter + 1);
    person.results.push(await person.client.send(address, `${person.name} ${counter}`));
    await delay(1);
  };
  const workers = Array.from({ length: openSends }, async (_, worker) => {
    for (let n = worker; person.isSending; n++) await sendOne(addresses[n % addresses.length] as string);
  });
  await Promise.all(workers);
}

/** What went wrong between everybody who sent to `room` and to each other; empty when nothing. */
export function faultsAmong(people: readonly Person[], room: string): string[] {
  const pairs = people.flatMap((receiver) =>
    people.filter((sender) => sender !== receiver).map((sender) => ({ sender, receiver })),
  );
  return pairs.flatMap(({ sender, receiver }) =>
    [receiver.name, room].flatMap((log) => faults(receiver, sender, log, sender.sent.get(log) ?? 0)),
  );
}

function faults(receiver: Person, sender: Person, log: string, expected: number): string[] {
  const counters = receiver.handled
    .filter((message) => message.log === log && message.from === sender.name)
    .map(({ body }) => Number(body.split(" ")[1]));
  const different = new Set(counters).size;
  const found = [];
  if (different !== expected) found.push(`${expected - different} lost`);
  if (different !== counters.length) found.push(`${counters.length - different} twice`);
  if (counters.some((counter, index) => index > 0 && counter < (counters[index - 1] as number)))
    found.push("out of order");
  return found.map((fault) => `${sender.name} → ${log}, seen by ${receiver.name}: ${fault}`);
}
