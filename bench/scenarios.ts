/** What `npm run bench` measures. Each scenario belongs to a key, by which `--scenarios` chooses. */
import type { FigureName, Figures } from "./figures.ts";
import type { Durability, Flow, ParleyProtocol, Work } from "./load/workload.ts";
import type { PeerName, Store } from "./participants.ts";

/** How long and how large; `options.ts` makes it of the command line. */
export interface Extent {
  readonly rounds: number;
  readonly measureMs: number;
  readonly warmUpMs: number;
  /** Of the first round, in which servers come to know what they do. */
  readonly firstWarmUpMs: number;
  readonly drained: number;
  readonly connections: number;
  readonly stored: number;
  /** Chat logs to play. */
  readonly logs: readonly string[];
}

/** One run of one participant, as a scenario sees it. */
export interface Lab {
  readonly extent: Extent;
  readonly isColdServer: boolean;
  generate(work: Work): Promise<Figures>;
}

export interface Scenario {
  readonly key: string;
  readonly name: string;
  readonly title: string;
  readonly durability: Durability;
  /** What it is about; the others stand beside it in the table. */
  readonly primary: FigureName;
  readonly others: readonly FigureName[];
  readonly protocols: readonly ParleyProtocol[];
  readonly peers: readonly PeerName[];
  /** Messages per second that are sent, whatever is answered. */
  readonly rate?: number;
  /** Why a protocol does not take part, for the report. */
  readonly note?: string;
  /** A new server for each run, instead of one that stays. */
  readonly serverEachRun?: boolean;
  stores?(extent: Extent): readonly Store[];
  /** About how long a run takes, without the first round's longer warm-up. */
  runMs(extent: Extent): number;
  /** About how long it takes until the first run can begin, beside starting servers. */
  prepareMs?(extent: Extent): number;
  run(lab: Lab): Promise<Figures>;
}

const all: readonly ParleyProtocol[] = ["native-ws", "native-tcp", "peer-json", "framed-tcp"];
const roomSize = 1000;
/** Connecting and logging in, one after the other takes about so long. */
const connectMs = 1;

type Shape = Pick<Flow, "shape" | "size" | "inFlight" | "rate">;

function flow({ extent, isColdServer }: Lab, shape: Shape): Flow {
  const { measureMs, warmUpMs, firstWarmUpMs } = extent;
  return { kind: "flow", ...shape, measureMs, warmUpMs: isColdServer ? firstWarmUpMs : warmUpMs };
}

const direct = (size: number, inFlight: number, rate = 0): Shape => ({ shape: "direct", size, inFlight, rate });
const runOf = (size: number) => (extent: Extent) => extent.warmUpMs + extent.measureMs + 2 * size * connectMs + 300;

interface Closed {
  readonly key: string;
  readonly durability: Durability;
  readonly size: number;
  readonly inFlight: number;
  readonly peers: readonly PeerName[];
}

function directScenario({ key, durability, size, inFlight, peers }: Closed): Scenario {
  const promised = durability === "fsync" ? "each synced before it is answered" : "answered before the disk has them";
  return {
    key,
    name: `${key}-${size}x${inFlight}`,
    title: `direct messages, ${size} pairs × ${inFlight} in flight, ${promised}`,
    durability,
    primary: "perSecond",
    others: ["serverMicroseconds", "serverBusy", "generatorBusy"],
    protocols: all,
    peers,
    runMs: runOf(size),
    run: (lab) => lab.generate(flow(lab, direct(size, inFlight))),
  };
}

function fanOut(inFlight: number): Scenario {
  return {
    key: "fan-out",
    name: `fan-out-${inFlight}`,
    title: `one sender to a room of ${roomSize}, ${inFlight} in flight`,
    durability: "fsync",
    primary: "deliveriesPerSecond",
    others: ["serverMicroseconds", "serverBusy", "generatorBusy"],
    protocols: all,
    peers: ["nats", "socket-io", "ws", "mqtt-0"],
    runMs: runOf(roomSize),
    run: (lab) => lab.generate(flow(lab, { shape: "fan-out", size: roomSize, inFlight, rate: 0 })),
  };
}

const latencyPairs = 50;
const latencyInFlight = 8;

/** `rate` 0: half of what the run before it reached. */
function latency(rate: number): Scenario {
  const at = rate > 0 ? `${rate.toLocaleString("en-US")} messages/s` : "half of what is reached";
  return {
    key: "latency",
    name: `latency-${rate > 0 ? `${rate / 1000}k` : "half"}`,
    title: `from the scheduled time of sending to receipt, ${latencyPairs} pairs, at ${at}, synced`,
    durability: "fsync",
    primary: "p99Ms",
    others: ["p50Ms", "p999Ms", "maxMs", "deliveriesPerSecond", "generatorBusy"],
    protocols: all,
    peers: ["mqtt-1"],
    ...(rate > 0 ? { rate } : {}),
    runMs: (extent) => runOf(latencyPairs)(extent) * (rate > 0 ? 1 : 2),
    async run(lab) {
      if (rate > 0) return lab.generate(flow(lab, direct(latencyPairs, 0, rate)));
      const { perSecond = 0 } = await lab.generate(flow(lab, direct(latencyPairs, latencyInFlight)));
      return lab.generate(flow(lab, direct(latencyPairs, 0, perSecond / 2)));
    },
  };
}

const drainUsers = 100;
const chatInFlight = 32;
const settleMs = 3000;

export const scenarios: readonly Scenario[] = [
  directScenario({ key: "direct", durability: "fsync", size: 50, inFlight: 8, peers: ["jetstream", "mqtt-1"] }),
  directScenario({ key: "direct", durability: "fsync", size: 500, inFlight: 2, peers: ["jetstream", "mqtt-1"] }),
  directScenario({
    key: "memory",
    durability: "memory",
    size: 50,
    inFlight: 8,
    peers: ["socket-io", "nats", "mqtt-0"],
  }),
  directScenario({
    key: "memory",
    durability: "memory",
    size: 500,
    inFlight: 2,
    peers: ["socket-io", "nats", "mqtt-0"],
  }),
  fanOut(4),
  fanOut(32),
  {
    key: "drain",
    name: "drain",
    title: `messages that waited for ${drainUsers} users who return at once: the first connect to the last message`,
    durability: "fsync",
    primary: "drainSeconds",
    others: ["perSecond", "serverMicroseconds"],
    protocols: all,
    peers: [],
    runMs: ({ drained }) => 3000 + drained / 30,
    run: ({ extent, generate }) =>
      generate({ kind: "drain", users: drainUsers, messagesEach: Math.ceil(extent.drained / drainUsers) }),
  },
  {
    key: "idle",
    name: "idle",
    title: "connections on which nothing is said",
    durability: "fsync",
    primary: "kibEach",
    others: ["connectSeconds"],
    protocols: ["native-ws", "native-tcp", "peer-json"],
    peers: [],
    note: "framed-tcp tells every login to everybody who is connected, so it has no idle connections while others come",
    serverEachRun: true,
    runMs: ({ connections }) => 1500 + settleMs + connections / 2,
    run: ({ extent, generate }) => generate({ kind: "idle", connections: extent.connections, settleMs }),
  },
  latency(5000),
  latency(20_000),
  latency(0),
  {
    key: "stored",
    name: "stored",
    title: "direct messages, 50 pairs × 8 in flight, synced, on an empty store and on a full one",
    durability: "fsync",
    primary: "serverMicroseconds",
    others: ["perSecond", "serverBusy", "generatorBusy"],
    protocols: ["native-tcp"],
    peers: [],
    note: "one protocol: what differs is the store",
    stores: ({ stored }) => [
      { suffix: ", empty", stored: 0 },
      { suffix: `, ${stored.toLocaleString("en-US")} stored`, stored },
    ],
    prepareMs: ({ stored }) => stored / 40,
    runMs: runOf(50),
    run: (lab) => lab.generate(flow(lab, direct(50, 8))),
  },
  {
    key: "chat",
    name: "chat",
    title: "lines of real IRC logs, by their nicks, to everybody of the log, synced, as fast as they go",
    durability: "fsync",
    primary: "deliveriesPerSecond",
    others: ["perSecond", "serverMicroseconds"],
    protocols: all,
    peers: [],
    runMs: ({ logs }) => 1200 * (logs.length + 1),
    run: ({ extent, generate }) => generate({ kind: "chat", files: extent.logs, inFlight: chatInFlight }),
  },
];

/** The scenarios that are meant by keys or names, in their own order; and the words that mean none. */
export function chosenScenarios(words: readonly string[]): { chosen: Scenario[]; unknown: string[] } {
  const means = (word: string) => (scenario: Scenario) => scenario.key === word || scenario.name === word;
  return {
    chosen: words.length === 0 ? [...scenarios] : scenarios.filter((one) => words.some((word) => means(word)(one))),
    unknown: words.filter((word) => !scenarios.some(means(word))),
  };
}
