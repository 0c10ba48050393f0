/**
 * Reads logs for a session that is behind: one log after the other, a bounded read at a time, for as long as the session
 * takes more. When nothing is left it tells the peer `live`.
 */
import type { CoreEvent } from "./connection.ts";
import type { Services } from "./services.ts";
import type { Subscription } from "./subscription.ts";

/** What it needs of its session. */
export interface CatchingUp {
  /** Whether the window is open and the connection takes more. */
  readonly open: boolean;
  readonly ended: boolean;
  tell(event: Extract<CoreEvent, { op: "live" }>): void;
}

const readEntries = 256;
const retryReadMs = 1000;

export class CatchUp {
  readonly #services: Services;
  readonly #session: CatchingUp;
  readonly #behind = new Set<Subscription>();
  /** Dead letters on their way to the disk. */
  readonly #burying = new Set<Promise<void>>();
  #started = false;
  #running = false;
  #announcedLive = false;

  constructor(services: Services, session: CatchingUp) {
    this.#services = services;
    this.#session = session;
  }

  /** Whether a log is behind. */
  get pending(): boolean {
    return this.#behind.size > 0;
  }

  /** From now on logs are read. */
  start(): void {
    this.#started = true;
    this.run();
  }

  /** The log of this subscription is behind. */
  add(subscription: Subscription): void {
    this.#behind.add(subscription);
    this.#announcedLive = false;
    if (this.#session.open) this.run();
  }

  /** The log is not the session's to read any more. */
  delete(subscription: Subscription): void {
    this.#behind.delete(subscription);
  }

  /** A log is not caught up with before `burying` is done. */
  waitFor(burying: Promise<void>): void {
    const done = burying.finally(() => this.#burying.delete(done));
    this.#burying.add(done);
  }

  /** Reads what is behind, if there is room and it is not being read already. */
  run(): void {
    if (this.#started && !this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      while (this.pending && this.#session.open && !this.#session.ended) {
        for (const subscription of this.#behind) {
          await this.#read(subscription);
          if (!this.#session.open || this.#session.ended) break;
        }
      }
    } catch (error) {
      this.#services.onError("a log could not be read", error);
      setTimeout(() => this.run(), retryReadMs).unref();
    } finally {
      this.#running = false;
    }
    if (this.pending || this.#announcedLive) return;
    this.#announcedLive = true;
    this.#session.tell({ op: "live" });
  }

  async #read(subscription: Subscription): Promise<void> {
    const { topic } = subscription;
    const { tail } = topic;
    const entries = await this.#services.engine.read(topic.log, subscription.sent, "forward", readEntries);
    for (const entry of entries) {
      if (!this.#reads(subscription)) return;
      if (entry.seq <= subscription.sent) continue;
      if (entry.seq > subscription.sent + 1) await this.#missing(subscription, entry.seq - 1);
      if (!this.#reads(subscription) || !subscription.take(entry, false)) return;
    }
    if (entries.length === 0 && subscription.sent < tail) await this.#missing(subscription, tail);
    subscription.tellExpired();
    await Promise.all(this.#burying);
    if (subscription.sent < topic.tail || !this.#reads(subscription)) return;
    subscription.live = true;
    this.#behind.delete(subscription);
  }

  /** Whether it is still the session's to read, which ends with the session and with the membership. */
  #reads(subscription: Subscription): boolean {
    return !this.#session.ended && this.#behind.has(subscription);
  }

  /** The log does not have the entries after what was sent, up to `to`. */
  async #missing(subscription: Subscription, to: number): Promise<void> {
    const { log } = subscription.topic;
    const { first } = await this.#services.engine.head(log);
    if (this.#reads(subscription)) subscription.miss(to, to < first ? "retention" : "lost");
  }
}
