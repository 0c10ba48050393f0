/**
 * Two well-behaved clients who exchange numbered messages, some in flight at a time, while others misbehave: what each
 * sent, what each got, and how long it took. What they say holds a secret that nobody else may hear.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ServerMessage } from "@parley/protocol";
import { RawSession } from "../support/raw-session.ts";

export interface SteadyReport {
  readonly sent: number;
  readonly received: number;
  readonly lost: readonly string[];
  readonly duplicated: readonly string[];
  readonly reordered: readonly string[];
  readonly misdelivered: readonly string[];
  /** Faults that a well-behaved client was told. */
  readonly faults: readonly string[];
  /** From the send to its arrival, in ms. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const inFlight = 4;
/** Between an `ok` and the next message. */
const pauseMs = 5;
const drainMs = 20_000;

/** Names that no recording mentions. The planted bug `swap-recipient` knows these two. */
export const steadyNames = ["receiver-0", "receiver-1"] as const;

class SteadyClient {
  readonly name: string;
  readonly #other: string;
  readonly #secret: string;
  readonly #session: RawSession;
  readonly sentAt = new Map<number, number>();
  readonly confirmed = new Set<number>();
  readonly got: number[] = [];
  readonly misdelivered: string[] = [];
  readonly faults: string[] = [];
  readonly latencies: number[] = [];
  #stopped = false;

  constructor(name: string, other: string, secret: string, session: RawSession) {
    this.name = name;
    this.#other = other;
    this.#secret = secret;
    this.#session = session;
  }

  /** Begins; `sentAt` tells when the other one sent its messages. */
  start(sentAt: ReadonlyMap<number, number>): void {
    this.#session.onMessage((message) => {
      if (message.op === "message") {
        const { log, seq, from, body } = message;
        this.#session.send({ op: "ack", log, seq });
        if (log !== this.name) return;
        const [, number] = body.startsWith(`${this.#secret} ${this.#other} `) ? (/ (\d+)$/.exec(body) ?? []) : [];
        if (from !== this.#other || number === undefined) {
          this.misdelivered.push(`${this.name} got from ${from}: ${body.slice(0, 100)}`);
          return;
        }
        this.got.push(Number(number));
        this.latencies.push(performance.now() - (sentAt.get(Number(number)) ?? 0));
      } else if (message.op === "ok" && message.clientId !== undefined) {
        this.confirmed.add(Number(message.clientId));
        setTimeout(() => this.#send(), pauseMs);
      } else if (message.op === "error" || message.op === "bye" || isHole(message, this.name))
        this.faults.push(`${this.name} was told ${JSON.stringify(message)}`);
    });
    for (let n = 0; n < inFlight; n++) this.#send();
  }

  #send(): void {
    if (this.#stopped || this.#session.closed) return;
    const number = this.sentAt.size + 1;
    this.sentAt.set(number, performance.now());
    const body = `${this.#secret} ${this.name} ${number}`;
    this.#session.send({ op: "send", clientId: String(number), to: this.#other, body, copy: false });
  }

  /** Sends nothing more; true: everything is confirmed, or nothing more can be. */
  get done(): boolean {
    this.#stopped = true;
    return this.#session.closed || this.confirmed.size === this.sentAt.size;
  }

  get cutOff(): boolean {
    return this.#session.closed;
  }

  close(): void {
    this.#session.close();
  }
}

/** Others' logs may have holes: what expired in `*`. */
function isHole(message: ServerMessage, name: string): boolean {
  return (message.op === "gap" || message.op === "reset") && message.log === name;
}

export class SteadyPair {
  readonly secret = randomBytes(12).toString("hex");
  readonly #clients: SteadyClient[] = [];

  /** Connects both, over TCP, and lets them begin. */
  static async start(port: number): Promise<SteadyPair> {
    const pair = new SteadyPair();
    const [left, right] = steadyNames;
    for (const [name, other] of [
      [left, right],
      [right, left],
    ] as const) {
      const session = await RawSession.login(port, name, { device: "steady" });
      pair.#clients.push(new SteadyClient(name, other, pair.secret, session));
    }
    const [one, two] = pair.#clients as [SteadyClient, SteadyClient];
    one.start(two.sentAt);
    two.start(one.sentAt);
    return pair;
  }

  /** Messages that have arrived so far. */
  get received(): number {
    return this.#clients.reduce((sum, { got }) => sum + got.length, 0);
  }

  /** Stops sending, waits for what is under way, and compares. */
  async stop(): Promise<SteadyReport> {
    const [one, two] = this.#clients as [SteadyClient, SteadyClient];
    const complete = () =>
      this.#clients.every((client) => client.done) &&
      (this.#clients.some(({ cutOff }) => cutOff) ||
        (new Set(one.got).size >= two.sentAt.size && new Set(two.got).size >= one.sentAt.size));
    for (const end = Date.now() + drainMs; !complete() && Date.now() < end; ) await sleep(5);
    const cutOff = this.#clients.filter((client) => client.cutOff).map(({ name }) => `${name} was cut off`);
    for (const client of this.#clients) client.close();
    const latencies = this.#clients.flatMap((client) => client.latencies).sort((a, b) => a - b);
    const at = (share: number) => latencies[Math.floor((latencies.length - 1) * share)] ?? Number.POSITIVE_INFINITY;
    return {
      sent: one.sentAt.size + two.sentAt.size,
      received: this.received,
      lost: [...missing(one, two), ...missing(two, one)],
      duplicated: this.#clients.flatMap(repeated),
      reordered: this.#clients.flatMap(({ name, got }) =>
        got
          .filter((number, at) => at > 0 && number < (got[at - 1] as number))
          .map((number) => `${name} got ${number} late`),
      ),
      misdelivered: this.#clients.flatMap(({ misdelivered }) => misdelivered),
      faults: [...cutOff, ...this.#clients.flatMap(({ faults }) => faults)],
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      maxMs: at(1),
    };
  }
}

/** What was confirmed to one and did not come to the other. */
function missing(from: SteadyClient, to: SteadyClient): string[] {
  const got = new Set(to.got);
  return [...from.confirmed].filter((number) => !got.has(number)).map((number) => `${from.name}'s ${number}`);
}

function repeated({ name, got }: SteadyClient): string[] {
  const seen = new Set<number>();
  const again = got.filter((number) => seen.size === seen.add(number).size);
  return again.map((number) => `${name} got ${number} again`);
}
