/**
 * One live connection of a device: what it reads, how much it has not acknowledged, and the loop that reads logs for it
 * while it is behind. Holds at most a window of messages and one read's worth of entries in memory, however slow the
 * peer is. Hot path.
 */
import type { DeviceKey, ErrorCode, Fault, LogName, Position, RoomKey, UserKey } from "@parley/protocol";
import type { Entry } from "../engine/entry.ts";
import type { Connection, CoreEvent } from "./connection.ts";
import type { CursorPosition } from "./cursors.ts";
import type { User } from "./directory.ts";
import type { Topic } from "./hub.ts";
import type { Watcher } from "./presence.ts";
import type { Services } from "./services.ts";
import { type Reader, Subscription } from "./subscription.ts";

const readEntries = 256;
/** Requests that were taken and not answered; above it the connection is not read from. */
const maxPending = 1024;
const retryReadMs = 1000;

export interface SessionOptions {
  readonly id: string;
  readonly user: User;
  readonly device: DeviceKey;
  /** Whether the device outlives the connection: it has cursors of its own. */
  readonly lasting: boolean;
  readonly window: number;
  /** Called once, when the connection is gone. */
  readonly onEnd: (session: Session) => void;
}

export class Session implements Reader, Watcher {
  readonly id: string;
  readonly user: User;
  readonly device: DeviceKey;
  readonly window: number;
  readonly origin: string;
  readonly subscriptions = new Map<LogName, Subscription>();
  watching: Set<UserKey> | "everybody" = new Set();
  ended = false;
  readonly #services: Services;
  readonly #connection: Connection;
  readonly #lasting: boolean;
  readonly #onEnd: (session: Session) => void;
  readonly #behind = new Set<Subscription>();
  /** Users whose change of presence had no room. */
  readonly #missedPresence = new Set<User>();
  #unacked = 0;
  #full = false;
  #pumping = false;
  #started = false;
  #announcedLive = false;
  #pending = 0;
  /** Requests that use the store run one after the other. */
  #requests: Promise<void> = Promise.resolve();
  #whenDrained: (() => void) | undefined;

  constructor(services: Services, connection: Connection, options: SessionOptions) {
    this.#services = services;
    this.#connection = connection;
    this.id = options.id;
    this.user = options.user;
    this.device = options.device;
    this.window = options.window;
    this.origin = `${options.user.key}/${options.device}`;
    this.#lasting = options.lasting;
    this.#onEnd = options.onEnd;
  }

  /** Begins delivery; the gateway has told the peer `welcome`. */
  start(): void {
    this.#started = true;
    void this.#pump();
  }

  // What it reads

  /**
   * Reads a log from `asked` if that is a place in it, else from the device's cursor. Undefined if it is read already.
   * Rejects with `StorageUnavailable`.
   */
  async read(log: LogName, asked: Position | undefined): Promise<Subscription | undefined> {
    const { cursors, hub } = this.#services;
    const cursor = await cursors.start(this.user.key, this.device, log);
    let made: Subscription | undefined;
    await hub.subscribe(log, (topic) => {
      if (this.ended || this.subscriptions.has(log)) return undefined;
      const resumable = asked !== undefined && asked.epoch === topic.epoch && asked.seq <= topic.tail;
      made = new Subscription(topic, this, resumable ? asked.seq : startOf(this.user, topic, cursor));
      this.subscriptions.set(log, made);
      if (resumable) this.#moveCursor(made);
      return made;
    });
    if (made) this.isBehind(made);
    return made;
  }

  async joined(log: LogName): Promise<void> {
    const made = await this.read(log, undefined);
    if (made) this.tell({ op: "reset", log, epoch: made.topic.epoch, seq: made.sent });
  }

  left(log: LogName): void {
    const subscription = this.subscriptions.get(log);
    if (!subscription) return;
    this.subscriptions.delete(log);
    this.#behind.delete(subscription);
    this.#unacked -= subscription.unacked;
    this.#services.hub.unsubscribe(subscription);
  }

  // Delivery

  now(): number {
    return this.#services.clock.now();
  }

  get open(): boolean {
    return !this.#full && this.#unacked < this.window;
  }

  push(entry: Entry, shared: boolean): boolean {
    if (this.#connection.deliver(entry, shared) === "full") {
      this.#full = true;
      return false;
    }
    this.#unacked += 1;
    return true;
  }

  expired(entry: Entry): void {
    this.#services.deadLetters.expired(entry);
  }

  /** Acknowledges a log up to `seq`; moves the cursor. */
  ack(subscription: Subscription, seq: number): void {
    const before = subscription.acked;
    this.#unacked -= subscription.ack(seq);
    if (subscription.acked > before) this.#moveCursor(subscription);
    if (this.#behind.size > 0) void this.#pump();
  }

  #moveCursor({ topic, acked }: Subscription): void {
    const { log, epoch } = topic;
    this.#services.cursors.moved(this.user.key, this.device, this.#lasting, log, { epoch, seq: acked });
  }

  isBehind(subscription: Subscription): void {
    this.#behind.add(subscription);
    this.#announcedLive = false;
    if (this.open) void this.#pump();
  }

  /** Reads the logs that are behind, in turn, for as long as there is room. */
  async #pump(): Promise<void> {
    if (this.#pumping || !this.#started) return;
    this.#pumping = true;
    try {
      while (this.#behind.size > 0 && this.open && !this.ended) {
        for (const subscription of this.#behind) {
          await this.#catchUp(subscription);
          if (!this.open || this.ended) break;
        }
      }
    } catch (error) {
      this.#services.onError("a log could not be read", error);
      setTimeout(() => void this.#pump(), retryReadMs).unref();
    } finally {
      this.#pumping = false;
    }
    if (this.#behind.size > 0 || this.#announcedLive) return;
    this.#announcedLive = true;
    this.tell({ op: "live" });
  }

  async #catchUp(subscription: Subscription): Promise<void> {
    const { topic } = subscription;
    const { tail } = topic;
    const entries = await this.#services.engine.read(topic.log, subscription.sent, "forward", readEntries);
    for (const entry of entries) {
      if (this.ended || entry.seq <= subscription.sent) continue;
      if (entry.seq > subscription.sent + 1) await this.#gap(subscription, entry.seq - 1);
      if (!subscription.take(entry, false)) return;
    }
    if (entries.length === 0 && subscription.sent < tail) await this.#gap(subscription, tail);
    if (subscription.sent < topic.tail || this.ended) return;
    subscription.live = true;
    this.#behind.delete(subscription);
  }

  async #gap(subscription: Subscription, to: number): Promise<void> {
    const { log } = subscription.topic;
    const { first } = await this.#services.engine.head(log);
    this.tell({ op: "gap", log, from: subscription.sent + 1, to, reason: to < first ? "retention" : "lost" });
    subscription.skipTo(to);
  }

  /** The gateway has room again after `full`. */
  drained(): void {
    if (!this.#full || this.ended) return;
    this.#full = false;
    this.#whenDrained?.();
    if (this.#missedPresence.size > 0) {
      const missed = [...this.#missedPresence];
      this.#missedPresence.clear();
      this.tellPresence(missed);
    }
    void this.#pump();
  }

  // Answers

  tell(event: Exclude<CoreEvent, Entry>): void {
    if (!this.ended && this.#connection.deliver(event, false) === "full") this.#full = true;
  }

  /** Answers a request with what was wrong. */
  fault(
    { code, message, retryAfterMs }: Fault,
    { ref, clientId }: { readonly ref?: string; readonly clientId?: string },
  ): void {
    const about = { ...(ref === undefined ? {} : { ref }), ...(clientId === undefined ? {} : { clientId }) };
    this.tell({
      op: "error",
      ...about,
      code,
      message,
      ...(retryAfterMs === undefined ? {} : { retryAfter: retryAfterMs }),
    });
  }

  /** Tells presence; what has no room is told, as it is then, when there is. */
  tellPresence(users: readonly User[]): void {
    if (this.ended) return;
    const event = { op: "presence", users: users.map((user) => this.#services.presence.of(user)) } as const;
    if (this.#connection.deliver(event, false) === "queued") return;
    this.#full = true;
    for (const user of users) this.#missedPresence.add(user);
  }

  /** A request was taken whose answer comes later. */
  requestTaken(): void {
    this.#pending += 1;
    if (this.#pending === maxPending) this.#connection.pause();
  }

  requestAnswered(): void {
    this.#pending -= 1;
    if (this.#pending === maxPending / 2) this.#connection.resume();
  }

  /** Runs a request that uses the store after those before it, and not while the peer does not read. */
  enqueue(request: () => Promise<void>): void {
    this.requestTaken();
    this.#requests = this.#requests.then(async () => {
      if (this.#full) await new Promise<void>((resolve) => (this.#whenDrained = resolve));
      this.#whenDrained = undefined;
      if (!this.ended) await request();
      this.requestAnswered();
    });
  }

  // The end

  /** Closes the connection from our side. */
  close(code: ErrorCode, message: string): void {
    if (this.ended) return;
    this.#connection.close(code, message);
    this.end();
  }

  /** The connection is gone, by whomever. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.#whenDrained?.();
    for (const subscription of this.subscriptions.values()) this.#services.hub.unsubscribe(subscription);
    this.#onEnd(this);
  }
}

/** Where a device without a position of its own starts: its cursor, or the user's, or where the log began for the user. */
function startOf(user: User, topic: Topic, cursor: CursorPosition | undefined): number {
  if (cursor && cursor.epoch === topic.epoch) return Math.min(cursor.seq, topic.tail);
  if (topic.log === "*") return Math.min(user.everyoneSeq, topic.tail);
  const membership = user.rooms.get(topic.log as RoomKey);
  return membership?.epoch === topic.epoch ? Math.min(membership.seq, topic.tail) : 0;
}
