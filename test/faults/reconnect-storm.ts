/**
 * A reconnect storm: so many clients lose their connections at the same moment, in the middle of sending, and all come
 * back. What each was told and has got is compared in the end. Used by the test (hundreds) and by `npm run bench:storm`
 * (thousands); every client is the client library, over WebSocket and TCP by turns.
 */
import { type Client, createClient } from "@parley/client";
import { nodeTransport } from "@parley/client/node";
import { type ServerProcess, startServer } from "../support/server-process.ts";

/** `kill`: the server is killed (`kill -9`) and started again; `cut`: it lives on, and every connection is torn. */
export type StormKind = "kill" | "cut";

export interface StormOptions {
  readonly kind: StormKind;
  readonly clients: number;
  readonly dataDir: string;
  readonly ports: { readonly wsPort: number; readonly tcpPort: number };
  /** Each of the phases (arriving, coming back, settling) rejects after it. */
  readonly timeoutMs: number;
}

export interface StormReport {
  readonly sent: number;
  /** Bodies that were accepted and did not come, came twice, or came in another order than they were sent in. */
  readonly wrong: readonly string[];
  /** From the loss of the connections to each client's `welcome`, in ms. */
  readonly welcomeMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** From the loss until the server took connections again, in ms. */
  readonly serverBackMs: number;
  /** From the loss until every send was answered and every message delivered, in ms. */
  readonly recoveredMs: number;
  /** Attempts to connect that failed. */
  readonly failedAttempts: number;
}

/** Sends of each client: before the loss, at that moment, and while it is away. */
const sendsPerPhase = 2;
const atOnce = 100;

/** One of them: sends to the next one, gets from the one before. */
class Stormer {
  readonly client: Client;
  readonly received: string[] = [];
  welcomedAt = 0;
  failedAttempts = 0;
  /** Why it does not come back. */
  gaveUp: Error | undefined;
  readonly #to: string;
  readonly #index: number;
  readonly #answers: Promise<unknown>[] = [];
  #links = new Set<() => void>();

  constructor(index: number, count: number, url: string) {
    this.#index = index;
    this.#to = `storm-${(index + 1) % count}`;
    const inner = nodeTransport();
    const transport: ReturnType<typeof nodeTransport> = {
      connect: (to, events) => {
        const connection = inner.connect(to, {
          ...events,
          opened: () => events.opened(),
          received: (text) => events.received(text),
          closed: (reason) => {
            this.#links.delete(tear);
            events.closed(reason);
          },
        });
        const tear = () => {
          connection.abort();
          setImmediate(() => events.closed("torn"));
        };
        this.#links.add(tear);
        return connection;
      },
    };
    this.client = createClient({ url, user: `storm-${index}`, device: "d", transport, connectTimeoutMs: 30_000 });
    this.client.on("message", ({ body }) => this.received.push(body));
    this.client.on("state", (change) => {
      if (change.state === "online") this.welcomedAt = performance.now();
      if (change.state === "offline") this.failedAttempts += 1;
      if (change.state === "closed" && change.error) this.gaveUp = change.error;
    });
  }

  send(): void {
    for (let i = 0; i < sendsPerPhase; i++) {
      const body = `${this.#index}:${this.#answers.length}`;
      this.#answers.push(this.client.send(this.#to, body, { copy: false }));
    }
  }

  /** Tears its connection, as a network would. */
  tear(): void {
    const links = [...this.#links];
    this.#links.clear();
    for (const tear of links) tear();
  }

  async answered(): Promise<void> {
    await Promise.all(this.#answers);
  }

  /** What the next one has to have got from it, in that order. */
  get sent(): string[] {
    return this.#answers.map((_, i) => `${this.#index}:${i}`);
  }
}

/** Rejects where not everybody is back, or something is not answered or delivered, within `timeoutMs`. */
export async function reconnectStorm({
  kind,
  clients: count,
  dataDir,
  ports,
  timeoutMs,
}: StormOptions): Promise<StormReport> {
  let server: ServerProcess = await startServer({ dataDir, ...ports });
  const url = (index: number) => (index % 2 === 0 ? server.wsUrl : server.tcpUrl);
  const stormers = Array.from({ length: count }, (_, index) => new Stormer(index, count, url(index)));
  try {
    let next = 0;
    const arrive = async () => {
      while (next < count) await stormers[next++]?.client.connect();
    };
    await within(timeoutMs, "arriving", Promise.all(Array.from({ length: atOnce }, arrive)));

    for (const stormer of stormers) stormer.send();
    await within(timeoutMs, "first answers", Promise.all(stormers.map((one) => one.answered())));
    for (const stormer of stormers) stormer.failedAttempts = 0;
    for (const stormer of stormers) stormer.send();
    // Frames leave at the end of the turn: now they are on their way, and few are answered.
    await new Promise((resolve) => setImmediate(resolve));
    const lostAt = performance.now();
    if (kind === "kill") await server.kill("SIGKILL");
    else for (const stormer of stormers) stormer.tear();
    for (const stormer of stormers) stormer.send();
    if (kind === "kill") server = await startServer({ dataDir, ...ports });
    const serverBackMs = performance.now() - lostAt;

    const back = () =>
      stormers.every(({ client, welcomedAt, gaveUp }) => {
        if (gaveUp) throw gaveUp;
        return client.state === "online" && welcomedAt > lostAt;
      });
    await until(timeoutMs, "everybody is back", back);
    await within(timeoutMs, "answers", Promise.all(stormers.map((one) => one.answered())));
    const expected = stormers.map((_, index) => (stormers[(index + count - 1) % count] as Stormer).sent);
    await until(timeoutMs, "delivery", () =>
      stormers.every(({ received }, i) => received.length >= (expected[i]?.length ?? 0)),
    );
    const recoveredMs = performance.now() - lostAt;

    const wrong = stormers.flatMap(({ received }, i) =>
      received.join() === expected[i]?.join() ? [] : [`storm-${i} got ${received} instead of ${expected[i]}`],
    );
    const times = stormers.map(({ welcomedAt }) => welcomedAt - lostAt).sort((a, b) => a - b);
    const at = (share: number) => times[Math.min(count - 1, Math.floor(count * share))] ?? Number.NaN;
    const failedAttempts = stormers.reduce((sum, one) => sum + one.failedAttempts, 0);
    const sent = count * sendsPerPhase * 3;
    const welcomeMs = { p50: at(0.5), p99: at(0.99), max: at(1) };
    return { sent, wrong, welcomeMs, serverBackMs, recoveredMs, failedAttempts };
  } finally {
    await Promise.all(stormers.map(({ client }) => client.close({ timeoutMs: 1000 })));
    await server.stop();
  }
}

async function within<T>(timeoutMs: number, what: string, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`not within ${timeoutMs} ms: ${what}`)), timeoutMs);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Looks from time to time: with thousands of clients a look is not free. */
async function until(timeoutMs: number, what: string, condition: () => boolean): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
