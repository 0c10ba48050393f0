/**
 * One live connection of a device: what it reads, how much it has not acknowledged, what it is told. Holds at most a window
 * of messages and one read's worth of entries in memory, however slow the peer is. Hot path.
 */
import type { DeviceKey, ErrorCode, Fault, LogName, Position, Receiver, UserKey } from "@parley/protocol";
import type { Entry } from "../engine/entry.ts";
import { type Actor, authorise, type Permissions, permissionsOf } from "./authorisation.ts";
import { CatchUp } from "./catch-up.ts";
import type { Connection, CoreEvent } from "./connection.ts";
import type { User } from "./directory.ts";
import { type About, errorEvent } from "./error-event.ts";
import type { Identity } from "./identity.ts";
import type { Watcher } from "./presence.ts";
import { startOf } from "./reading-start.ts";
import { type Requester, RequestQueue } from "./request-queue.ts";
import { reviewRights } from "./rights-review.ts";
import type { Run } from "./run.ts";
import type { Services } from "./services.ts";
import { type Reader, Subscription } from "./subscription.ts";

type Told = Exclude<CoreEvent, Entry>;

export interface SessionOptions {
  readonly id: string;
  readonly user: User;
  readonly identity: Identity;
  readonly device: DeviceKey;
  /** Whether the device outlives the connection: it has cursors of its own. */
  readonly lasting: boolean;
  readonly window: number;
  /** Called once, when the connection is gone. */
  readonly onEnd: (session: Session) => void;
}

export class Session implements Reader, Watcher, Actor, Requester {
  readonly id: string;
  readonly user: User;
  readonly device: DeviceKey;
  /** When it began, in milliseconds since the epoch. */
  readonly since: number;
  readonly window: number;
  readonly origin: string;
  /** By which it came. */
  readonly gateway: string;
  readonly subscriptions = new Map<LogName, Subscription>();
  readonly requests: RequestQueue;
  watching: Set<UserKey> | "everybody" | undefined;
  ended = false;
  #identity: Identity;
  #permissions: Permissions;
  readonly #services: Services;
  readonly connection: Connection;
  readonly #lasting: boolean;
  readonly #onEnd: (session: Session) => void;
  /** Made when it is first given a message. */
  #receiver: Receiver | undefined;
  #catchUp: CatchUp | undefined;
  /** Users whose change of presence had no room; none: nobody's. */
  #missedPresence: Set<User> | undefined;
  /** The one of the last acknowledgement: most often it is of the next one too. */
  #latest: Subscription | undefined;
  #unacked = 0;
  #full = false;
  /** Whether it is told what there is; whether all of its logs have begun too. */
  #started = false;
  #begun = false;
  /** What was to be told before the peer had its `welcome`; none: nothing was. */
  #early: Told[] | undefined;

  constructor(services: Services, connection: Connection, options: SessionOptions) {
    this.#services = services;
    this.connection = connection;
    this.id = options.id;
    this.gateway = connection.info.gateway;
    this.user = options.user;
    this.#identity = options.identity;
    this.#permissions = permissionsOf(options.identity.rights, options.user.key);
    this.device = options.device;
    this.since = services.clock.now();
    this.window = options.window;
    this.origin = `${options.user.key}/${options.device}`;
    this.#lasting = options.lasting;
    this.#onEnd = options.onEnd;
    this.requests = new RequestQueue(this);
  }

  /** Begins delivery; the gateway has told the peer `welcome`. */
  start(): void {
    this.#started = true;
    for (const event of this.#early ?? []) this.tell(event);
    this.#early = undefined;
    for (const subscription of this.subscriptions.values()) this.#begin(subscription);
    this.#begun = true;
    if (this.#catchUp) this.#catchUp.start();
    else this.tell({ op: "live" });
  }

  /** Made when it is first needed. */
  get #readingOn(): CatchUp {
    this.#catchUp ??= new CatchUp(this.#services, this, this.#begun);
    return this.#catchUp;
  }

  /** As a receiver of messages, for the record of deliveries. */
  get #asReceiver(): Receiver {
    this.#receiver ??= { user: this.user.name, device: this.device, session: this.id, gateway: this.gateway };
    return this.#receiver;
  }

  /** Which gateway it came by, and from where. */
  get info(): Connection["info"] {
    return this.connection.info;
  }

  /** Messages that were sent to it and are not acknowledged. */
  get unacked(): number {
    return this.#unacked;
  }

  /** Bytes that wait to be taken by the peer; undefined where its gateway does not know. */
  get waitingBytes(): number | undefined {
    return this.connection.waitingBytes;
  }

  /** As a sender of messages: what it sends to itself does not count as delivered to somebody. */
  get session(): this {
    return this;
  }

  get hearsOnlyStored(): boolean {
    return this.connection.hearsOnlyStored ?? false;
  }

  get isServer(): false {
    return false;
  }

  /** What was proved at login, or renewed since. */
  get identity(): Identity {
    return this.#identity;
  }

  /** Another proof of the same user: what it does not allow any more ends, what it allows anew begins. */
  set identity(identity: Identity) {
    this.#identity = identity;
    this.#permissions = permissionsOf(identity.rights, this.user.key);
    reviewRights(this.#services, this).catch((error) =>
      this.#services.onError("a log could not be read after a renewal", error),
    );
  }

  get permissions(): Permissions {
    return this.#permissions;
  }

  // What it reads

  /**
   * Reads a log from `asked` if that is a place in it, else from the device's cursor. `announce` tells the peer where:
   * before the first entry, and before anything can have changed. Undefined if it is read already, or not the user's to
   * read any more. Rejects with `StorageUnavailable`.
   */
  async read(
    log: LogName,
    asked: Position | undefined,
    announce: (made: Subscription) => void = () => {},
  ): Promise<Subscription | undefined> {
    const { cursors, hub } = this.#services;
    const cursor = await cursors.start(this.user.key, this.device, log);
    let made: Subscription | undefined;
    await hub.subscribe(log, (topic) => {
      if (this.ended || this.subscriptions.has(log) || !authorise(this, "read", log).ok) return undefined;
      const resumable = asked !== undefined && asked.epoch === topic.epoch && asked.seq <= topic.tail;
      made = new Subscription(topic, this, resumable ? asked.seq : startOf(this.user, topic, cursor));
      this.subscriptions.set(log, made);
      if (resumable) this.#moveCursor(made);
      announce(made);
      this.#begin(made);
      return made;
    });
    return made;
  }

  /** Its reading of the log, by the log's own name. */
  subscriptionTo(log: LogName): Subscription | undefined {
    if (this.#latest?.topic.log !== log) this.#latest = this.subscriptions.get(log);
    return this.#latest;
  }

  /** From now on the log is delivered, if the session has begun. */
  #begin(subscription: Subscription): void {
    if (!this.#started) return;
    if (subscription.sent < subscription.topic.tail) this.isBehind(subscription);
    else subscription.live = true;
  }

  async joined(log: LogName): Promise<void> {
    await this.read(log, undefined, ({ topic, sent }) =>
      this.tell({ op: "reset", log, epoch: topic.epoch, seq: sent }),
    );
  }

  left(log: LogName): void {
    const subscription = this.subscriptions.get(log);
    if (!subscription) return;
    this.subscriptions.delete(log);
    this.#latest = undefined;
    this.#catchUp?.delete(subscription);
    this.#unacked -= subscription.unacked;
    this.#services.hub.unsubscribe(subscription);
    // What it held of the window is free for other logs.
    this.#catchUp?.run();
  }

  hasInFlight(log: LogName, seq: number): boolean {
    return this.subscriptions.get(log)?.hasInFlight(seq) ?? false;
  }

  // Delivery

  now(): number {
    return this.#services.clock.now();
  }

  get open(): boolean {
    return !this.#full && this.#unacked < this.window;
  }

  push(entry: Entry, shared: boolean): boolean {
    if (this.connection.deliver(entry, shared) === "full") {
      this.#full = true;
      return false;
    }
    this.#unacked += 1;
    this.#services.traffic.delivered += 1;
    this.#services.deliveries.delivered(this.#asReceiver, entry.log, entry.seq, entry.seq);
    return true;
  }

  pushAll(run: Run, shared: boolean): boolean {
    const count = run.entries.length;
    if (this.#full || this.#unacked + count > this.window || !this.connection.deliverAll?.(run, shared)) return false;
    this.#unacked += count;
    this.#services.traffic.delivered += count;
    this.#services.deliveries.delivered(this.#asReceiver, run.log, run.first, run.last);
    return true;
  }

  expired(entry: Entry): Promise<void> {
    const { attempt, dealt } = this.#services.expiry.met(entry);
    this.#readingOn.waitFor(attempt);
    return dealt;
  }

  gap(log: LogName, from: number, to: number, reason: "retention" | "expired" | "lost"): void {
    this.tell({ op: "gap", log, from, to, reason });
  }

  /** Acknowledges a log up to `seq`; moves the cursor. */
  ack(subscription: Subscription, seq: number): void {
    const freed = subscription.ack(seq);
    this.#unacked -= freed;
    this.#services.traffic.acknowledged += freed;
    this.#services.deliveries.acknowledged(this.#asReceiver, subscription.topic.log, seq);
    this.#moveCursor(subscription);
    if (this.behind) this.#catchUp?.run();
  }

  #moveCursor(subscription: Subscription): void {
    const { topic, acked, isOwn } = subscription;
    subscription.cursor ??= this.#services.cursors.of(this.user.key, this.device, this.#lasting, topic.log);
    subscription.cursor.moved({ epoch: topic.epoch, seq: acked });
    if (isOwn) this.user.inbox?.ack(acked);
  }

  /** Whether there is something that the peer has not been given yet; `live` is told when that ends. */
  get behind(): boolean {
    return this.#catchUp?.pending ?? false;
  }

  /** All of the log was given; what has expired of it waits no more. */
  caughtUp({ isOwn, acked }: Subscription): void {
    if (isOwn) this.user.inbox?.ack(acked);
  }

  isBehind(subscription: Subscription): void {
    this.#readingOn.add(subscription);
  }

  /** The gateway has room again after `full`. */
  drained(): void {
    if (!this.#full || this.ended) return;
    this.#full = false;
    this.requests.drained();
    if (this.#missedPresence) {
      const missed = [...this.#missedPresence];
      this.#missedPresence = undefined;
      this.tellPresence(missed);
    }
    this.#catchUp?.run();
  }

  // Answers

  get isFull(): boolean {
    return this.#full;
  }

  failed(error: unknown): void {
    this.#services.onError("bug", error);
  }

  tell(event: Told): void {
    if (this.ended) return;
    if (!this.#started) {
      this.#early ??= [];
      this.#early.push(event);
    } else if (this.connection.deliver(event, false) === "full") this.#full = true;
  }

  /** Answers a request with what was wrong. */
  fault(fault: Fault, about: About): void {
    this.tell(errorEvent(fault, about));
  }

  /** Tells presence; what has no room is told, as it is then, when there is. */
  tellPresence(users: readonly User[]): void {
    if (this.ended) return;
    const event = { op: "presence", users: users.map((user) => this.#services.presence.of(user)) } as const;
    if (this.connection.deliver(event, false) === "queued") return;
    this.#full = true;
    this.#missedPresence ??= new Set();
    for (const user of users) this.#missedPresence.add(user);
  }

  // The end

  /** Closes the connection from our side. */
  close(code: ErrorCode, message: string): void {
    if (this.ended) return;
    this.connection.close(code, message);
    this.end();
  }

  /** Takes nothing more, and closes when what it has asked is answered or there has been time `enough`. */
  async leave(code: ErrorCode, message: string, enough: Promise<void>): Promise<void> {
    this.connection.pause();
    await Promise.race([this.requests.idle(), enough]);
    this.close(code, message);
  }

  /** The connection is gone, by whomever. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.requests.end();
    for (const subscription of this.subscriptions.values()) this.#services.hub.unsubscribe(subscription);
    this.#onEnd(this);
  }
}
