/**
 * Everybody can talk to everybody: for each ordered pair of ways in, direct messages to somebody who is there, one to a
 * room, one to all, and the same to somebody who is away and returns, with a `kill -9` of the server in between.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { freePorts } from "../../support/free-ports.ts";
import { type ServerProcess, startServer } from "../../support/server-process.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { type Heard, joinRoom, type Ports, type Presence, room, type Way, ways } from "./ways.ts";

/** What is said in the course of the scenario, and to whom, how many times. */
type Part = "direct" | "room" | "everybody" | "direct-away" | "room-away" | "everybody-away";
const counts: { readonly [P in Part]: number } = {
  direct: 3,
  room: 1,
  everybody: 1,
  "direct-away": 2,
  "room-away": 1,
  "everybody-away": 1,
};

/** Texts that a protocol might trip over: its separators, quotes, other scripts. */
const oddText = 'a,b: "c" {d} \\ é 漢字 🎉 #e @f /g';
const patienceMs = 15_000;

class Pair {
  readonly from: Way;
  readonly to: Way;
  readonly #index: number;
  readonly #heard: Heard[] = [];
  sender: Presence | undefined;
  receiver: Presence | undefined;

  constructor(from: Way, to: Way, index: number) {
    this.from = from;
    this.to = to;
    this.#index = index;
  }

  #body(part: Part, n: number): string {
    return `<${this.#index} ${part}> ${n} ${oddText}`;
  }

  async arrive(ports: Ports): Promise<void> {
    this.receiver = await this.to.arrive(ports, `to-${this.#index}`, this.#hear);
    this.sender = await this.from.arrive(ports, `from-${this.#index}`, () => {});
    for (const { name } of [this.receiver, this.sender]) await joinRoom(ports, name);
  }

  async return(ports: Ports): Promise<void> {
    const way = this.to.returnsBy ?? this.to;
    this.receiver = await way.arrive(ports, this.receiver?.name ?? "", this.#hear);
  }

  readonly #hear = (heard: Heard): void => {
    this.#heard.push(heard);
  };

  async say(part: Part): Promise<void> {
    const to = part.startsWith("direct") ? (this.receiver?.name ?? "") : part.startsWith("room") ? room : "*";
    for (let n = 1; n <= counts[part]; n++) await this.sender?.say(to, this.#body(part, n));
  }

  /** What the receiver heard of a part: all share the room and `*`. */
  heardOf(part: Part): Heard[] {
    return this.#heard.filter(({ body }) => body.startsWith(`<${this.#index} ${part}>`));
  }

  expected(part: Part): Heard[] {
    const from = this.to.tellsSender ? this.sender?.name : undefined;
    const isLost = part === "direct-away" && !this.from.writesToAbsent(this.to);
    const returned = part.endsWith("away") ? this.to.returnsBy : undefined;
    const sender = returned?.tellsSender ? this.sender?.name : from;
    return Array.from({ length: isLost ? 0 : counts[part] }, (_, n) => ({
      from: sender,
      body: this.#body(part, n + 1),
    }));
  }
}

const pairs = ways.flatMap((from) => ways.map((to) => [from, to] as const)).map(([a, b], i) => new Pair(a, b, i));

/** Waits until everybody has heard these parts, or patience is over: the tests then say who has not. */
async function untilHeard(...parts: readonly Part[]): Promise<void> {
  const missing = (pair: Pair) => parts.some((part) => pair.heardOf(part).length < pair.expected(part).length);
  for (const end = Date.now() + patienceMs; Date.now() < end && pairs.some(missing); ) await setTimeout(20);
  // What comes too often comes now.
  await setTimeout(200);
}

describe("every way in and every other", () => {
  const dataDir = temporaryDirectory({});
  let server: ServerProcess | undefined;

  before(async () => {
    const [http = 0, tcp = 0, peerJson = 0, framedTcp = 0, deviceText = 0, udp = 0, discovery = 0] = await freePorts(7);
    const ports: Ports = { http, tcp, peerJson, framedTcp, deviceText, udp };
    const env = {
      PARLEY_PEER_JSON_PORT: String(peerJson),
      PARLEY_FRAMED_TCP_PORT: String(framedTcp),
      PARLEY_DEVICE_TEXT_PORT: String(deviceText),
      PARLEY_UDP_AGENT_PORT: String(udp),
      PARLEY_UDP_AGENT_DISCOVERY_PORT: String(discovery),
    };
    const gateways = ways.map(({ name }) => name).join(",");
    const start = () => startServer({ dataDir, wsPort: http, tcpPort: tcp, gateways, env });
    server = await start();
    await Promise.all(pairs.map((pair) => pair.arrive(ports)));
    for (const part of ["direct", "room", "everybody"] as const) {
      await Promise.all(pairs.map((pair) => pair.say(part)));
      await untilHeard(part);
    }
    await Promise.all(pairs.map(({ receiver }) => receiver?.leave()));
    for (const part of ["direct-away", "room-away", "everybody-away"] as const)
      await Promise.all(pairs.map((pair) => pair.say(part)));
    // Not every protocol says when it has stored something.
    await setTimeout(500);
    await server.kill();
    server = await start();
    await Promise.all(pairs.map((pair) => pair.return(ports)));
    await untilHeard("direct-away", "room-away", "everybody-away");
  });

  after(async () => {
    await Promise.allSettled(pairs.flatMap(({ sender, receiver }) => [sender?.leave(), receiver?.leave()]));
    await server?.stop();
  });

  for (const pair of pairs) {
    describe(`${pair.from.name} to ${pair.to.name}`, () => {
      for (const part of Object.keys(counts) as Part[])
        it(part, () => assert.deepEqual(pair.heardOf(part), pair.expected(part)));
    });
  }
});
