/**
 * The load generator: a process of its own, so that it can have a core of its own. Runs one scenario of direct messages
 * and prints one JSON line of results. Started by `main.ts`.
 *
 * Closed loop: each pair keeps `inFlight` sends unanswered. Open loop (`rate` > 0): sends leave at scheduled times, and
 * latency counts from the scheduled time, so that a stall is not hidden (no coordinated omission).
 */
import { performance as nodePerformance } from "node:perf_hooks";
import { type CarrierName, connectRaw, type RawClient } from "./raw-client.ts";

export interface Scenario {
  readonly carrier: CarrierName;
  readonly port: number;
  readonly pairs: number;
  readonly inFlight: number;
  /** Messages per second over all pairs; 0: as fast as answers come. */
  readonly rate: number;
  readonly durability: "fsync" | "memory";
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface Measured {
  readonly acknowledgedPerSecond: number;
  readonly deliveredPerSecond: number;
  /** From the (scheduled) time of sending to the receiver having it. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number };
  /** Share of the time that the generator's thread was busy: near 1, it is the bottleneck. */
  readonly generatorBusy: number;
}

interface Pair {
  readonly sender: RawClient;
  readonly to: string;
  nextId: number;
}

const bodyBytes = 100;
const runId = Date.now().toString(36);

class Run {
  readonly #scenario: Scenario;
  readonly #pairs: Pair[] = [];
  readonly #latencies: number[] = [];
  #acknowledged = 0;
  #delivered = 0;
  #measuring = false;
  #stopped = false;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
  }

  async run(): Promise<Measured> {
    const { pairs, inFlight, rate, warmUpMs, measureMs } = this.#scenario;
    for (let i = 0; i < pairs; i++) this.#pairs.push(await this.#connectPair(i));
    if (rate > 0) this.#sendAtRate(rate);
    else for (const pair of this.#pairs) for (let i = 0; i < inFlight; i++) this.#send(pair, performance.now());
    await delay(warmUpMs);
    this.#measuring = true;
    const began = performance.now();
    const before = nodePerformance.eventLoopUtilization();
    await delay(measureMs);
    const seconds = (performance.now() - began) / 1000;
    this.#measuring = false;
    this.#stopped = true;
    const { utilization } = nodePerformance.eventLoopUtilization(before);
    return {
      acknowledgedPerSecond: this.#acknowledged / seconds,
      deliveredPerSecond: this.#delivered / seconds,
      latencyMs: percentiles(this.#latencies),
      generatorBusy: utilization,
    };
  }

  async #connectPair(index: number): Promise<Pair> {
    const to = `receiver-${index}`;
    await this.#hello(to, (receiver, text) => this.#received(receiver, to, text));
    let pair: Pair | undefined;
    const sender = await this.#hello(`sender-${index}`, (_, text) => pair && this.#answered(pair, text));
    pair = { to, nextId: 0, sender };
    return pair;
  }

  /** Logs in; resolves when the session is live. */
  async #hello(user: string, onText: (client: RawClient, text: string) => void): Promise<RawClient> {
    const { carrier, port } = this.#scenario;
    const { promise: live, resolve } = Promise.withResolvers<void>();
    const client: RawClient = await connectRaw(carrier, port, (text) => {
      if (text.startsWith('{"op":"live"')) resolve();
      else onText(client, text);
    });
    client.send(JSON.stringify({ op: "hello", user, device: "bench" }));
    await live;
    return client;
  }

  #send(pair: Pair, scheduled: number): void {
    if (this.#stopped) return;
    const stamp = scheduled.toFixed(3).padEnd(bodyBytes, "x");
    const { durability } = this.#scenario;
    const asked = durability === "memory" ? ',"durability":"memory"' : "";
    pair.sender.send(
      `{"op":"send","clientId":"${runId}-${pair.nextId++}","to":"${pair.to}","body":"${stamp}"${asked}}`,
    );
  }

  #sendAtRate(rate: number): void {
    const began = performance.now();
    let sent = 0;
    const tick = () => {
      const now = performance.now();
      for (; sent < ((now - began) / 1000) * rate; sent++) {
        this.#send(this.#pairs[sent % this.#pairs.length] as Pair, began + (sent / rate) * 1000);
      }
      if (!this.#stopped) setTimeout(tick, 1);
    };
    tick();
  }

  #answered(pair: Pair, text: string): void {
    if (!text.startsWith('{"op":"ok"')) {
      if (text.startsWith('{"op":"error"')) throw new Error(text);
      return;
    }
    if (this.#measuring) this.#acknowledged += 1;
    if (this.#scenario.rate === 0) this.#send(pair, performance.now());
  }

  #received(receiver: RawClient, log: string, text: string): void {
    if (!text.startsWith('{"op":"message"')) return;
    const seqAt = text.indexOf('"seq":') + 6;
    receiver.send(`{"op":"ack","log":"${log}","seq":${text.slice(seqAt, text.indexOf(",", seqAt))}}`);
    if (!this.#measuring) return;
    this.#delivered += 1;
    const bodyAt = text.indexOf('"body":"') + 8;
    this.#latencies.push(performance.now() - Number.parseFloat(text.slice(bodyAt, bodyAt + 20)));
  }
}

function percentiles(values: number[]): Measured["latencyMs"] {
  values.sort((a, b) => a - b);
  const at = (share: number) => values[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) };
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const measured = await new Run(JSON.parse(process.argv[2] ?? "{}") as Scenario).run();
console.log(JSON.stringify(measured));
process.exit(0);
