/**
 * Traffic over a server that dies again and again: senders that repeat what has no `ok`, receivers that rely on the
 * server's cursors, a ledger of both. Used by the fault tests with a real server as a child process.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Position } from "@parley/protocol";
import { freePorts } from "../support/free-ports.ts";
import { RawSession } from "../support/raw-session.ts";
import { startServer } from "../support/server-process.ts";
import { encodeBody, Ledger, type Report } from "./ledger.ts";

export interface CrashRunOptions {
  readonly dataDir: string;
  readonly seed: number;
  /** Environment of each life of the server, in order; the last one's is used for the drain. */
  readonly lives: readonly Readonly<Record<string, string>>[];
  /** Ends a life: after that many ms the server is killed, unless it ended by itself (a failpoint) before. */
  readonly lifeMs: (random: () => number, last: boolean) => number;
}

const entry = new URL("faulty-server.ts", import.meta.url).pathname;
const senders = ["sender-0", "sender-1", "sender-2"];
const receivers = ["receiver-0", "receiver-1", "receiver-2"];
const room = "#room";
const inFlight = 16;
const drainTimeoutMs = 20_000;

/** A small seeded generator (mulberry32), so that a failure can be repeated. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Runs the traffic through all lives, drains, and compares. */
export async function crashRun({ dataDir, seed, lives, lifeMs }: CrashRunOptions): Promise<Report> {
  const random = seededRandom(seed);
  const [wsPort = 0, tcpPort = 0] = await freePorts(2);
  const readers = new Map<string, readonly string[]>([[room, receivers]]);
  for (const name of receivers) readers.set(name, [name]);
  const ledger = new Ledger(readers);
  const traffic = new Traffic(ledger, tcpPort);
  let server = await startServer({ dataDir, wsPort, tcpPort, entry });
  try {
    await traffic.joinAll();
    await server.stop();
    for (const [index, env] of lives.entries()) {
      server = await startServer({ dataDir, wsPort, tcpPort, env, entry });
      await traffic.connect(receivers[index % receivers.length]);
      await Promise.race([server.ended, delay(lifeMs(random, index === lives.length - 1), undefined, { ref: false })]);
      if (index < lives.length - 1) await server.kill("SIGKILL");
      traffic.disconnect();
    }
    await traffic.drain();
    return ledger.report();
  } finally {
    traffic.disconnect();
    await server.kill("SIGKILL");
  }
}

interface Sender {
  readonly name: string;
  number: number;
  /** Bodies without an `ok`, in order. */
  readonly outbox: Map<string, string>;
}

class Traffic {
  readonly #ledger: Ledger;
  readonly #port: number;
  readonly #senders: readonly Sender[] = senders.map((name) => ({ name, number: 0, outbox: new Map() }));
  readonly #connections = new Map<string, number>();
  #sessions: RawSession[] = [];
  #stopping = false;

  constructor(ledger: Ledger, port: number) {
    this.#ledger = ledger;
    this.#port = port;
  }

  /** Registers everybody and makes them members of the room. */
  async joinAll(): Promise<void> {
    for (const name of [...receivers, ...senders]) {
      const session = await RawSession.login(this.#port, name, { device: "d" });
      session.send({ op: "join", room });
      await session.next("ok");
      session.close();
    }
  }

  /** Connects everybody but `absent`; where the server dies meanwhile, that is the next life's business. */
  async connect(absent?: string): Promise<void> {
    const present = receivers.filter((name) => name !== absent);
    await Promise.allSettled([
      ...present.map((name) => this.#receive(name)),
      ...this.#senders.map((sender) => this.#sendFrom(sender)),
    ]);
  }

  async #receive(name: string, onLive: () => void = () => {}): Promise<void> {
    const session = await RawSession.connect(this.#port);
    this.#sessions.push(session);
    const connection = (this.#connections.get(name) ?? 0) + 1;
    this.#connections.set(name, connection);
    const epochs = new Map<string, string>();
    session.onMessage((message) => {
      if (message.op === "welcome") for (const { log, epoch } of message.positions) epochs.set(log, epoch);
      if (message.op === "live") onLive();
      if (message.op !== "message") return;
      const { log, seq, body } = message;
      this.#ledger.received({ receiver: name, connection, log, epoch: epochs.get(log) ?? "", seq, body });
      session.send({ op: "ack", log, seq });
    });
    session.send({ op: "hello", user: name, device: "d" });
  }

  async #sendFrom(sender: Sender): Promise<void> {
    const session = await RawSession.login(this.#port, sender.name, { device: "d" });
    this.#sessions.push(session);
    session.onMessage((message) => {
      if (message.op === "ok" && message.clientId !== undefined)
        this.#told(sender, session, message.clientId, message.positions ?? []);
      if (message.op === "message") session.send({ op: "ack", log: message.log, seq: message.seq });
    });
    for (const [body, to] of sender.outbox) session.send({ op: "send", clientId: body, to, body, copy: false });
    while (sender.outbox.size < inFlight && !this.#stopping) this.#send(sender, session);
  }

  #send(sender: Sender, session: RawSession): void {
    sender.number += 1;
    const to = sender.number % 4 === 0 ? room : (receivers[sender.number % receivers.length] as string);
    const body = encodeBody({ sender: sender.name, to, number: sender.number });
    sender.outbox.set(body, to);
    this.#ledger.attempted(body);
    session.send({ op: "send", clientId: body, to, body, copy: false });
  }

  #told(sender: Sender, session: RawSession, body: string, positions: readonly Position[]): void {
    this.#ledger.told(body, positions);
    // A second answer makes no room: a server that gives two of each would be sent ever more, until it refuses some.
    if (sender.outbox.delete(body) && !this.#stopping) this.#send(sender, session);
  }

  disconnect(): void {
    for (const session of this.#sessions.splice(0)) session.close();
  }

  /** Everything gets its `ok`, every receiver catches up: the server lives from here on. */
  async drain(): Promise<void> {
    this.#stopping = true;
    this.disconnect();
    await this.connect();
    const deadline = Date.now() + drainTimeoutMs;
    while (this.#senders.some(({ outbox }) => outbox.size > 0)) {
      if (Date.now() > deadline) throw new Error("senders did not get their answers");
      await delay(10);
    }
    this.disconnect();
    await Promise.all(receivers.map((name) => new Promise<void>((live) => void this.#receive(name, live))));
  }
}
