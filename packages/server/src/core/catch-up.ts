/**
 * Reads logs for a session that is behind: all of them at once, the oldest message first, in bounded reads, for as long as
 * the session takes more. When nothing is left it tells the peer `live`.
 */
import { defaultReadBytes } from "../engine/engine.ts";
import type { Entry } from "../engine/entry.ts";
import type { CoreEvent } from "./connection.ts";
import { messageIdOf } from "./message.ts";
import { Run } from "./run.ts";
import type { Services } from "./services.ts";
import type { Subscription } from "./subscription.ts";

/** What it needs of its session. */
export interface CatchingUp {
  /** Whether the window is open and the connection takes more. */
  readonly open: boolean;
  readonly ended: boolean;
  tell(event: Extract<CoreEvent, { op: "live" }>): void;
  caughtUp(subscription: Subscription): void;
}

const readEntries = 256;
/** Entries that are handed over at once. */
const runEntries = 64;
const retryReadMs = 1000;

export class CatchUp {
  readonly #services: Services;
  readonly #session: CatchingUp;
  /** Logs that are behind; none, as most of the time, takes no memory. */
  #behind: Set<Subscription> | undefined;
  /** Dead letters on their way to the disk; none while there was none yet. */
  #burying: Set<Promise<unknown>> | undefined;
  #started: boolean;
  #running = false;
  #announcedLive = false;

  /** `started`: the session has begun, and was told `live` already. */
  constructor(services: Services, session: CatchingUp, started: boolean) {
    this.#services = services;
    this.#session = session;
    this.#started = started;
    this.#announcedLive = started;
  }

  /** Whether a log is behind. */
  get pending(): boolean {
    return this.#behind !== undefined;
  }

  /** From now on logs are read. */
  start(): void {
    this.#started = true;
    this.run();
  }

  /** The log of this subscription is behind. */
  add(subscription: Subscription): void {
    this.#behind ??= new Set();
    this.#behind.add(subscription);
    this.#announcedLive = false;
    if (this.#session.open) this.run();
  }

  /** The log is not the session's to read any more. */
  delete(subscription: Subscription): void {
    this.#behind?.delete(subscription);
    if (this.#behind?.size === 0) this.#behind = undefined;
  }

  /** A log is not caught up with before `burying` is done. */
  waitFor(burying: Promise<unknown>): void {
    this.#burying ??= new Set();
    const all = this.#burying;
    const done = burying.finally(() => all.delete(done));
    all.add(done);
  }

  /** Reads what is behind, if there is room and it is not being read already. */
  run(): void {
    if (this.#started && !this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      while (this.pending && this.#goesOn) await this.#merge();
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

  get #goesOn(): boolean {
    return this.#session.open && !this.#session.ended;
  }

  /** Hands over what the logs hold that are behind now, the oldest first, until all is done or there is no room. */
  async #merge(): Promise<void> {
    const logs = [...(this.#behind ?? [])];
    const share = 1 / logs.length;
    let pages: Page[] = [];
    for (const log of logs) if (this.#goesOn) pages.push(await this.#read(log, share));
    for (;;) {
      if (pages.some(({ head }) => head === undefined)) pages = pages.filter(({ head }) => head !== undefined);
      const page = oldest(pages);
      if (!page || !this.#goesOn) return;
      const taken = pages.length === 1 && this.#takeRun(page) ? this.#taken(page) : this.#take(page);
      // A promise for each message would cost more than the message.
      if (!(typeof taken === "boolean" ? taken : await taken)) return;
      if (page.head === undefined && this.#behind?.has(page.subscription))
        pages.push(await this.#read(page.subscription, share));
    }
  }

  /** Reads on in a log, `share` of what one read may hold; the page is empty where the log is caught up with. */
  async #read(subscription: Subscription, share: number): Promise<Page> {
    const { topic } = subscription;
    const { tail } = topic;
    const limit = Math.max(1, Math.floor(readEntries * share));
    const bytes = Math.floor(defaultReadBytes * share);
    const entries = await this.#services.engine.read(topic.log, subscription.sent, "forward", limit, bytes);
    if (entries.length === 0 && this.#reads(subscription)) {
      if (subscription.sent < tail) await this.#missing(subscription, tail);
      await this.#finish(subscription);
    }
    return new Page(subscription, entries);
  }

  /** Hands over the page's next entries at once. False: each of them needs a look of its own. */
  #takeRun(page: Page): boolean {
    const { subscription, next } = page;
    if (next < page.singlyUntil || !this.#reads(subscription)) return false;
    const entries = page.following(runEntries);
    if (subscription.takeAll(new Run(entries), false)) page.next += entries.length;
    else page.singlyUntil = next + entries.length;
    return page.next > next;
  }

  /** Hands over the page's next entry. False: there is no room for it. */
  #take(page: Page): boolean | Promise<boolean> {
    const { subscription } = page;
    const entry = page.head as Entry;
    if (this.#reads(subscription) && entry.seq > subscription.sent + 1) return this.#takeAfterHole(page, entry);
    page.next += 1;
    if (!this.#reads(subscription)) page.end();
    else if (entry.seq > subscription.sent && !subscription.take(entry, false)) return false;
    return this.#taken(page);
  }

  async #takeAfterHole(page: Page, entry: Entry): Promise<boolean> {
    await this.#missing(page.subscription, entry.seq - 1);
    if (!this.#reads(page.subscription)) page.end();
    return page.head === undefined || this.#take(page);
  }

  /** Something of the page was handed over. */
  #taken(page: Page): boolean | Promise<boolean> {
    if (page.head !== undefined || !this.#reads(page.subscription)) return true;
    return this.#finish(page.subscription).then(() => true);
  }

  /** All that was read of the log is handed over: if that is all there is, it is live from now on. */
  async #finish(subscription: Subscription): Promise<void> {
    subscription.tellExpired();
    await Promise.all(this.#burying ?? []);
    if (subscription.sent < subscription.topic.tail || !this.#reads(subscription)) return;
    subscription.live = true;
    this.delete(subscription);
    this.#session.caughtUp(subscription);
  }

  /** Whether it is still the session's to read, which ends with the session and with the membership. */
  #reads(subscription: Subscription): boolean {
    return !this.#session.ended && this.#behind?.has(subscription) === true;
  }

  /** The log does not have the entries after what was sent, up to `to`. */
  async #missing(subscription: Subscription, to: number): Promise<void> {
    const { log } = subscription.topic;
    const { first } = await this.#services.engine.head(log);
    if (this.#reads(subscription)) subscription.miss(to, to < first ? "retention" : "lost");
  }
}

/** What was read of a log and not handed over yet. */
class Page {
  readonly subscription: Subscription;
  readonly #entries: readonly Entry[];
  next = 0;
  /** Entries before it are handed over one by one. */
  singlyUntil = 0;

  constructor(subscription: Subscription, entries: readonly Entry[]) {
    this.subscription = subscription;
    this.#entries = entries;
  }

  /** The next entry; undefined: there is none. */
  get head(): Entry | undefined {
    return this.#entries[this.next];
  }

  /** Up to `count` entries from the next one on. */
  following(count: number): readonly Entry[] {
    return this.#entries.slice(this.next, this.next + count);
  }

  end(): void {
    this.next = this.#entries.length;
  }
}

/** The page whose next entry is the oldest message: ids sort by time. */
function oldest(pages: readonly Page[]): Page | undefined {
  let [found] = pages;
  for (let i = 1; i < pages.length; i++) {
    const page = pages[i] as Page;
    if (messageIdOf((page.head as Entry).payload) < messageIdOf((found as Page).head?.payload ?? "")) found = page;
  }
  return found;
}
