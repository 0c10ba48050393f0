/** What is measured, by name: a generator gives numbers, this says how people read them and which way is better. */

interface Figure {
  /** As the column is headed. */
  readonly title: string;
  readonly unit: string;
  readonly better: "more" | "less";
  show(value: number): string;
}

const rate = (value: number) =>
  value >= 1e6 ? `${(value / 1e6).toFixed(2)} M` : `${(value / 1000).toFixed(value < 1e5 ? 1 : 0)} k`;
const ms = (value: number) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
const share = (value: number) => `${Math.round(100 * value)} %`;
const seconds = (value: number) => `${value.toFixed(2)} s`;

export const figures = {
  perSecond: { title: "messages/s", unit: "messages per second", better: "more", show: rate },
  deliveriesPerSecond: { title: "deliveries/s", unit: "deliveries per second", better: "more", show: rate },
  /** Processor time of the server for one message; one delivery where messages go to many. */
  serverMicroseconds: {
    title: "server µs",
    unit: "µs of the server's processor for each message",
    better: "less",
    show: (value) => (value < 1 ? value.toFixed(2) : value.toFixed(1)),
  },
  /** Share of its core that the server used: well below 1, something else was the bottleneck. */
  serverBusy: {
    title: "server",
    unit: "share of its core that the server used",
    better: "less",
    show: share,
  },
  /** Share of the time that the generator's thread was busy: near 1, it is the bottleneck. */
  generatorBusy: {
    title: "generator",
    unit: "share of the time that the generator was busy",
    better: "less",
    show: share,
  },
  /** From the scheduled time of sending to the receiver having it. */
  p50Ms: { title: "p50", unit: "ms", better: "less", show: ms },
  p99Ms: { title: "p99", unit: "ms", better: "less", show: ms },
  p999Ms: { title: "p99.9", unit: "ms", better: "less", show: ms },
  maxMs: { title: "longest", unit: "ms", better: "less", show: ms },
  drainSeconds: { title: "all delivered after", unit: "s", better: "less", show: seconds },
  connectSeconds: { title: "connected after", unit: "s", better: "less", show: seconds },
  kibEach: {
    title: "memory each",
    unit: "KiB of the server's memory for each connection",
    better: "less",
    show: (value) => `${value.toFixed(1)} KiB`,
  },
} as const satisfies Readonly<Record<string, Figure>>;

export type FigureName = keyof typeof figures;

/** What one run gave. A figure that could not be had is not there. */
export type Figures = { readonly [name in FigureName]?: number };
