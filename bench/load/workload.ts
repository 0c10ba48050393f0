/**
 * What a generator process is asked to do, and what it answers. Messages go from `senders`, each with `inFlight` of them
 * under way, as fast as places become free; or, with a `rate`, at scheduled times.
 */
/** The protocols that the generator speaks (`dialects.ts`). */
export type DialectName =
  | "native-ws"
  | "native-tcp"
  | "peer-json"
  | "framed-tcp"
  | "nats"
  | "jetstream"
  | "mqtt-0"
  | "mqtt-1";

export interface Workload {
  readonly dialect: DialectName;
  readonly port: number;
  /** Other ports of the server, by what listens there. */
  readonly ports: Readonly<Record<string, number>>;
  /** `direct`: as many receivers as senders, in pairs. `fan-out`: one sender, one room, so many receivers. */
  readonly shape: "direct" | "fan-out";
  /** Pairs, or receivers of the room. */
  readonly size: number;
  readonly inFlight: number;
  /** Messages per second over all senders; 0: as fast as they are answered. */
  readonly rate: number;
  readonly durability: "fsync" | "memory";
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Distinguishes the names of this run's users. */
  readonly run: string;
}

export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface Measured {
  /** Deliveries per second; answers, where the protocol's places in flight are freed by these. */
  readonly perSecond: number;
  readonly deliveriesPerSecond: number;
  readonly answersPerSecond: number;
  /** Deliveries, or answers, of the whole run, warm-up included. */
  readonly total: number;
  readonly seconds: number;
  /** From the scheduled time of sending to the receiver having it, in ms; with a `rate` only. */
  readonly latency: Latency | undefined;
  /** Share of the time that the generator's thread was busy: near 1, it is the bottleneck. */
  readonly generatorBusy: number;
}
