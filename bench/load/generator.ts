/**
 * The load generator: a process of its own, so that it can have a core of its own. Runs the workload that is its argument
 * and prints one line of JSON.
 *
 * Closed loop: each sender keeps `inFlight` messages under way. Open loop (`rate` > 0): messages leave at scheduled times,
 * and latency counts from the scheduled time, so that a stall is not hidden (no coordinated omission).
 */
import { performance as nodePerformance } from "node:perf_hooks";
import { bodyOf, type Conversation, type Dialect, stampDigits, stampMark } from "./dialect.ts";
import { dialectOf } from "./dialects.ts";
import type { LinkEvents, OnMessage } from "./link.ts";
import type { Latency, Measured, Workload } from "./workload.ts";

/** Connections that are being opened at once: a burst of more is a test of something else. */
const opening = 32;

class Run {
  readonly #workload: Workload;
  readonly #dialect: Dialect;
  readonly #latencies: number[] = [];
  /** Sends so many messages of one sender, as closed loops do. */
  readonly #send: ((count: number) => void)[] = [];
  #sendOne: ((index: number, body: string) => void) | undefined;
  #answers = 0;
  #deliveries = 0;
  #measuring = false;
  #stopped = false;

  constructor(workload: Workload) {
    this.#workload = workload;
    this.#dialect = dialectOf(workload.dialect, workload.durability);
  }

  async run(): Promise<Measured> {
    const { shape, rate, inFlight, warmUpMs, measureMs } = this.#workload;
    if (shape === "direct") await this.#openPairs();
    else await this.#openRoom();
    if (rate > 0) this.#sendAtRate(rate);
    else for (const send of this.#send) send(inFlight);
    await delay(warmUpMs);
    const before = { answers: this.#answers, deliveries: this.#deliveries };
    const busyBefore = nodePerformance.eventLoopUtilization();
    this.#measuring = true;
    const began = performance.now();
    await delay(measureMs);
    const seconds = (performance.now() - began) / 1000;
    this.#measuring = false;
    this.#stopped = true;
    const answersPerSecond = (this.#answers - before.answers) / seconds;
    const deliveriesPerSecond = (this.#deliveries - before.deliveries) / seconds;
    const byAnswers = this.#dialect.freedBy === "answer" && shape === "direct";
    return {
      perSecond: byAnswers ? answersPerSecond : deliveriesPerSecond,
      answersPerSecond,
      deliveriesPerSecond,
      total: byAnswers ? this.#answers : this.#deliveries,
      seconds,
      latency: rate > 0 ? percentiles(this.#latencies) : undefined,
      generatorBusy: nodePerformance.eventLoopUtilization(busyBefore).utilization,
    };
  }

  async #openPairs(): Promise<void> {
    const { size, run } = this.#workload;
    const senders: { speak: Conversation; to: string }[] = new Array(size);
    const byAnswer = this.#dialect.freedBy === "answer";
    await inParallel(size, async (index) => {
      const to = `r${run}-${index}`;
      const refill = (count: number) => this.#workload.rate === 0 && this.#send[index]?.(count);
      await this.#join(to, (deliveries) => !byAnswer && refill(deliveries));
      const speak = await this.#join(`s${run}-${index}`, (_, answers) => byAnswer && refill(answers));
      senders[index] = { speak, to };
    });
    for (const { speak, to } of senders)
      this.#send.push((count) => !this.#stopped && speak.link.send(speak.sends(to, count)));
    this.#sendOne = (index, body) => {
      const { speak, to } = senders[index % size] as (typeof senders)[number];
      speak.link.send(speak.sends(to, 1, body));
    };
  }

  async #openRoom(): Promise<void> {
    const { size, run, port, ports, inFlight, rate } = this.#workload;
    const sender = `s${run}`;
    const names = Array.from({ length: size }, (_, index) => `r${run}-${index}`);
    const room = await this.#dialect.room([sender, ...names], ports);
    const reached = new Reached(size, inFlight);
    await inParallel(size, async (index) => {
      await this.#join(names[index] as string, (deliveries) => {
        const freed = reached.add(index, deliveries);
        if (freed > 0 && rate === 0) this.#send[0]?.(freed);
      });
    });
    const speak = await this.#dialect.join(
      port,
      sender,
      this.#events(() => {}),
    );
    this.#send.push((count) => !this.#stopped && speak.link.send(speak.sends(room, Math.min(count, inFlight))));
    this.#sendOne = (_, body) => speak.link.send(speak.sends(room, 1, body));
  }

  #join(user: string, heard: (deliveries: number, answers: number) => unknown): Promise<Conversation> {
    return this.#dialect.join(this.#workload.port, user, this.#events(heard));
  }

  #events(heard: (deliveries: number, answers: number) => unknown): LinkEvents {
    const events = {
      heard: (_: unknown, { deliveries, answers }: { deliveries: number; answers: number }) => {
        this.#deliveries += deliveries;
        this.#answers += answers;
        heard(deliveries, answers);
      },
    };
    return this.#workload.rate > 0 ? { ...events, onMessage: this.#onMessage } : events;
  }

  readonly #onMessage: OnMessage = (bytes, start) => {
    if (!this.#measuring) return;
    const at = bytes.indexOf(stampMark, start, "latin1") + stampMark.length;
    this.#latencies.push(performance.now() - Number(bytes.toString("latin1", at, at + stampDigits)) / 1000);
  };

  #sendAtRate(rate: number): void {
    const began = performance.now();
    let sent = 0;
    const tick = () => {
      const now = performance.now();
      for (; sent < ((now - began) / 1000) * rate; sent++) {
        this.#sendOne?.(sent, bodyOf(began + (sent / rate) * 1000));
      }
      if (!this.#stopped) setTimeout(tick, 1);
    };
    tick();
  }
}

/** Which messages to a room have reached all of its receivers, of those that are under way in a closed loop. */
class Reached {
  readonly #size: number;
  readonly #inFlight: number;
  /** How many messages each receiver has. */
  readonly #has: Uint32Array;
  /** How many receivers have it, by message, for as many as are under way. */
  readonly #receivers: Uint32Array;

  constructor(size: number, inFlight: number) {
    this.#size = size;
    this.#inFlight = inFlight;
    this.#has = new Uint32Array(size);
    this.#receivers = new Uint32Array(inFlight);
  }

  /** A receiver has got `count` more. Returns how many messages everybody has now that somebody lacked before. */
  add(receiver: number, count: number): number {
    const first = this.#has[receiver] as number;
    this.#has[receiver] = first + count;
    let freed = 0;
    for (let message = first; message < first + count; message++) {
      const place = message % this.#inFlight;
      const receivers = (this.#receivers[place] as number) + 1;
      this.#receivers[place] = receivers === this.#size ? 0 : receivers;
      if (receivers === this.#size) freed += 1;
    }
    return freed;
  }
}

/** Does `work` for each index, a bounded number at a time. */
async function inParallel(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(opening, count) }, worker));
}

function percentiles(values: number[]): Latency {
  values.sort((a, b) => a - b);
  const at = (share: number) => values[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) };
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const measured = await new Run(JSON.parse(process.argv[2] ?? "{}") as Workload).run();
console.log(JSON.stringify(measured));
process.exit(0);
