/**
 * Messages from one to one, or from one to a room. Hot path: a generator that is slower than the server measures itself.
 *
 * Closed loop: each sender keeps `inFlight` messages under way. Open loop (`rate` > 0): messages leave at scheduled times,
 * and latency counts from the scheduled time, so that a stall is not hidden (no coordinated omission).
 */
import { performance as nodePerformance } from "node:perf_hooks";
import type { Figures } from "../figures.ts";
import { percentile } from "../statistics.ts";
import { processorMs } from "../targets/process-figures.ts";
import { bodyOf, type Conversation, type Dialect, stampDigits, stampMark } from "./dialect.ts";
import { dialectOf } from "./dialects.ts";
import type { LinkEvents, OnMessage } from "./link.ts";
import { Reached } from "./reached.ts";
import { delay, inParallel } from "./timing.ts";
import type { Flow, WorkloadOf } from "./workload.ts";

export function flow(workload: WorkloadOf<Flow>): Promise<Figures> {
  return new Run(workload).run();
}

class Run {
  readonly #workload: WorkloadOf<Flow>;
  readonly #port: number;
  readonly #dialect: Dialect;
  readonly #latencies: number[] = [];
  /** Sends so many messages of one sender, as closed loops do. */
  readonly #send: ((count: number) => void)[] = [];
  #sendOne: ((index: number, body: string) => void) | undefined;
  #answers = 0;
  #deliveries = 0;
  #measuring = false;
  #stopped = false;

  constructor(workload: WorkloadOf<Flow>) {
    const { dialect, durability, run, ports } = workload;
    this.#workload = workload;
    this.#port = ports[dialect] ?? 0;
    this.#dialect = dialectOf(dialect, durability, run);
  }

  async run(): Promise<Figures> {
    const { shape, rate, inFlight, warmUpMs, measureMs, serverPid } = this.#workload;
    if (shape === "direct") await this.#openPairs();
    else await this.#openRoom();
    if (rate > 0) this.#sendAtRate(rate);
    else for (const send of this.#send) send(inFlight);
    await delay(warmUpMs);
    const before = { answers: this.#answers, deliveries: this.#deliveries, processorMs: processorMs(serverPid) };
    const busyBefore = nodePerformance.eventLoopUtilization();
    this.#measuring = true;
    const began = performance.now();
    await delay(measureMs);
    const seconds = (performance.now() - began) / 1000;
    this.#measuring = false;
    const { utilization: generatorBusy } = nodePerformance.eventLoopUtilization(busyBefore);
    const usedMs = processorMs(serverPid) - before.processorMs;
    this.#stopped = true;
    const deliveries = this.#deliveries - before.deliveries;
    const freedByAnswers = this.#dialect.freedBy === "answer" && shape === "direct";
    const messages = freedByAnswers ? this.#answers - before.answers : deliveries;
    if (messages === 0) throw new Error(`no message came within ${measureMs} ms`);
    return {
      perSecond: messages / seconds,
      deliveriesPerSecond: deliveries / seconds,
      serverMicroseconds: (1000 * usedMs) / messages,
      serverBusy: usedMs / (1000 * seconds),
      generatorBusy,
      ...(rate > 0 ? this.#percentiles() : {}),
    };
  }

  #percentiles(): Figures {
    const sorted = Float64Array.from(this.#latencies).sort();
    const at = (share: number) => percentile(sorted, share);
    return { p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999), maxMs: at(1) };
  }

  /** Both of a pair write to the other: what frees a place of one is the server's answer to it, or that the other has it. */
  async #openPairs(): Promise<void> {
    const { size, run, rate } = this.#workload;
    const count = 2 * size;
    const byAnswer = this.#dialect.freedBy === "answer";
    const name = (index: number) => `u${run}-${index}`;
    const other = (index: number) => index ^ 1;
    const speakers: { speak: Conversation; to: string }[] = new Array(count);
    const refill = (index: number, freed: number) => rate === 0 && freed > 0 && this.#send[index]?.(freed);
    await inParallel(count, async (index) => {
      const speak = await this.#join(name(index), (deliveries, answers) =>
        byAnswer ? refill(index, answers) : refill(other(index), deliveries),
      );
      speakers[index] = { speak, to: name(other(index)) };
    });
    for (const { speak, to } of speakers)
      this.#send.push((count) => !this.#stopped && speak.link.send(speak.sends(to, count)));
    this.#sendOne = (index, body) => {
      const { speak, to } = speakers[index % count] as (typeof speakers)[number];
      speak.link.send(speak.sends(to, 1, body));
    };
  }

  async #openRoom(): Promise<void> {
    const { size, run, ports, inFlight, rate } = this.#workload;
    const sender = `s${run}`;
    const names = Array.from({ length: size }, (_, index) => `r${run}-${index}`);
    const room = await this.#dialect.room(`#bench-${run}`, [sender, ...names], ports);
    const reached = new Reached(size, inFlight);
    await inParallel(size, async (index) => {
      await this.#join(names[index] as string, (deliveries) => {
        const freed = reached.add(index, deliveries);
        if (freed > 0 && rate === 0) this.#send[0]?.(freed);
      });
    });
    const speak = await this.#join(sender, () => {});
    this.#send.push((count) => !this.#stopped && speak.link.send(speak.sends(room, Math.min(count, inFlight))));
    this.#sendOne = (_, body) => speak.link.send(speak.sends(room, 1, body));
  }

  #join(user: string, heard: (deliveries: number, answers: number) => unknown): Promise<Conversation> {
    return this.#dialect.join(this.#port, user, this.#events(heard));
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

  readonly #onMessage: OnMessage = (bytes, _, end) => {
    if (!this.#measuring) return;
    // From the end: what stands before a body may be any bytes.
    const at = bytes.lastIndexOf(stampMark, end, "latin1") + stampMark.length;
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
