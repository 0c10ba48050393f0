/** What a generator process is asked to do; it answers with `Figures`. */

export const parleyProtocols = ["native-ws", "native-tcp", "peer-json", "framed-tcp"] as const;
export type ParleyProtocol = (typeof parleyProtocols)[number];

/** The protocols that the generator speaks (`dialects.ts`). */
export type DialectName = ParleyProtocol | "nats" | "jetstream" | "mqtt-0" | "mqtt-1" | "socket-io" | "ws";

export type Durability = "fsync" | "memory";

interface Setting {
  readonly dialect: DialectName;
  /** The server's ports, by what listens there. */
  readonly ports: Readonly<Record<string, number>>;
  readonly serverPid: number;
  readonly durability: Durability;
  /** Distinguishes the names of this run's users and rooms. */
  readonly run: string;
}

/** Messages go from senders, each with `inFlight` of them under way; or, with a `rate`, at scheduled times. */
export interface Flow {
  readonly kind: "flow";
  /** `direct`: pairs of users who write to each other. `fan-out`: one sender, one room, so many receivers. */
  readonly shape: "direct" | "fan-out";
  /** Pairs, or receivers of the room. */
  readonly size: number;
  readonly inFlight: number;
  /** Messages per second over all senders; 0: as fast as places become free. */
  readonly rate: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** So many messages wait for each of so many users, who all return at once. */
export interface Drain {
  readonly kind: "drain";
  readonly users: number;
  readonly messagesEach: number;
}

/** So many users connect, log in and only listen. */
export interface Idle {
  readonly kind: "idle";
  readonly connections: number;
  /** From the last login until memory is looked at. */
  readonly settleMs: number;
}

/** Real chat, each log with its people in a room of its own; the first is played once beforehand. */
export interface Chat {
  readonly kind: "chat";
  readonly files: readonly string[];
  /** Lines that not everybody has yet. */
  readonly inFlight: number;
}

export type Work = Flow | Drain | Idle | Chat;
export type Workload = Setting & Work;
/** A workload of one kind. */
export type WorkloadOf<W extends Work> = Setting & W;
