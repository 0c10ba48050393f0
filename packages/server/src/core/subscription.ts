/**
 * One log as one session reads it: live (given each entry as it is settled) or behind (reading the log from `sent`).
 * Keeps what was sent and is not acknowledged; never skips a seq without saying so. Hot path.
 */
import type { LogName, ServerMessages } from "@parley/protocol";
import type { Entry } from "../engine/entry.ts";
import type { DeviceCursor } from "./cursors.ts";
import type { User } from "./directory.ts";
import type { Subscriber, Topic } from "./hub.ts";
import { parsePayload, wantsReceipt } from "./message.ts";
import type { Run } from "./run.ts";
import { Unacked } from "./unacked.ts";

export type GapReason = ServerMessages["gap"]["reason"];

/** What a subscription needs of its session. */
export interface Reader {
  readonly user: User;
  /** `user/device`: entries of that origin are not sent to it. */
  readonly origin: string;
  /** Whether a message may be pushed now: the window is open and the connection takes more. */
  readonly open: boolean;
  /** Pushes an entry. False: not taken. */
  push(entry: Entry, shared: boolean): boolean;
  /** Pushes all of a run, or nothing of it (false). */
  pushAll(run: Run, shared: boolean): boolean;
  now(): number;
  /** An entry is not delivered because its time has passed. Resolves when that is on disk. */
  expired(entry: Entry): Promise<void>;
  /** Tells that entries will not come. */
  gap(log: LogName, from: number, to: number, reason: GapReason): void;
  isBehind(subscription: Subscription): void;
}

/** A message that somebody waits for a receipt of. */
export interface Awaited {
  readonly seq: number;
  readonly id: string;
  readonly clientId: string | undefined;
  readonly from: string;
  delivered: boolean;
}

/** Receipts that one subscription keeps open for `read`; beyond it the oldest are given up. */
const maxAwaited = 1024;

export class Subscription implements Subscriber {
  readonly topic: Topic;
  readonly #reader: Reader;
  /** Whether the log is the user's own. */
  readonly isOwn: boolean;
  /** Where it began. */
  readonly start: number;
  /** Everything up to here was sent, skipped or announced as a gap. */
  sent: number;
  /** Everything up to here was acknowledged. */
  acked: number;
  live = false;
  /** Where the device stands in the log, once the session has moved it. */
  cursor: DeviceCursor | undefined;
  /** Messages that the peer has rejected and whose dead letters are not on disk yet. */
  rejecting = 0;
  /** None while nothing was sent yet. */
  #unacked: Unacked | undefined;
  /** None while nobody waits. */
  #awaited: Awaited[] | undefined;
  /** Seqs of entries that have expired, and whose dead letters are on their way; none while there was none yet. */
  #burying: Set<number> | undefined;
  /** The first of the entries up to `sent` that have expired and were not told of; 0: none. */
  #expiredFrom = 0;

  constructor(topic: Topic, reader: Reader, position: number) {
    this.topic = topic;
    this.#reader = reader;
    this.isOwn = topic.log === reader.user.key;
    this.start = position;
    this.sent = position;
    this.acked = position;
  }

  get user(): User {
    return this.#reader.user;
  }

  get unacked(): number {
    return this.#unacked === undefined ? 0 : this.#unacked.count;
  }

  /** Whether the entry was sent and is not acknowledged. */
  hasInFlight(seq: number): boolean {
    return this.#unacked?.has(seq) ?? false;
  }

  /** Entries were settled at the tail of the log. */
  offer(run: Run, shared: boolean): void {
    if (!this.live || run.last <= this.sent) return;
    if (this.takeAll(run, shared)) return;
    for (const entry of run.entries) this.#offerOne(entry, shared);
  }

  /** Takes a run that needs no look at each of its entries. False: it does, or there is no room for all of it. */
  takeAll(run: Run, shared: boolean): boolean {
    const { first, last } = run;
    if (first !== this.sent + 1 || !run.plain || this.#expiredFrom !== 0) return false;
    if (run.mayBeFrom(this.#reader.user.key) || !this.#reader.pushAll(run, shared)) return false;
    this.sent = last;
    this.#unacked ??= new Unacked();
    this.#unacked.add(first, last);
    return true;
  }

  #offerOne(entry: Entry, shared: boolean): void {
    if (!this.live || entry.seq <= this.sent) return;
    if (entry.seq !== this.sent + 1 || !this.take(entry, shared)) this.fallBehind();
    else this.tellExpired();
  }

  /** From now on the session reads the log until it has caught up. */
  fallBehind(): void {
    this.live = false;
    this.#reader.isBehind(this);
  }

  /**
   * Takes the next entry: skips it, or sends it. False: there is no room, it stays unsent. Expired ones in a row are
   * told together: call `tellExpired` after the last of them.
   */
  take(entry: Entry, shared: boolean): boolean {
    const own = entry.origin === this.#reader.origin;
    if (!own && entry.expiresAt !== 0 && entry.expiresAt <= this.#reader.now()) {
      if (this.#expiredFrom === 0) this.#expiredFrom = entry.seq;
      this.#bury(entry);
      return this.#skip(entry.seq);
    }
    this.tellExpired();
    if (own) return this.#skip(entry.seq);
    if (!this.#reader.open || !this.#reader.push(entry, shared)) return false;
    this.sent = entry.seq;
    this.#unacked ??= new Unacked();
    this.#unacked.add(entry.seq, entry.seq);
    if (wantsReceipt(entry.payload)) this.#await(entry);
    return true;
  }

  /** Until its dead letter is on disk nothing counts as acknowledged from there on: it would be neither. */
  #bury(entry: Entry): void {
    this.#burying ??= new Set();
    const burying = this.#burying.add(entry.seq);
    void this.#reader.expired(entry).then(() => burying.delete(entry.seq));
  }

  /** `seq`, or what stands before the first that is being buried. */
  #upTo(seq: number): number {
    // A set keeps the order in which they came.
    const [first = Number.POSITIVE_INFINITY] = this.#burying ?? [];
    return Math.min(seq, first - 1);
  }

  /** What needs no acknowledgement counts as acknowledged once nothing before it is open. */
  #skip(seq: number): true {
    this.sent = seq;
    if (this.unacked === 0) this.acked = Math.max(this.acked, this.#upTo(seq));
    return true;
  }

  tellExpired(): void {
    if (this.#expiredFrom === 0) return;
    this.#reader.gap(this.topic.log, this.#expiredFrom, this.sent, "expired");
    this.#expiredFrom = 0;
  }

  /** The log has no entries from the next one up to `seq`. */
  miss(seq: number, reason: GapReason): void {
    this.tellExpired();
    this.#reader.gap(this.topic.log, this.sent + 1, seq, reason);
    this.#skip(seq);
  }

  #await(entry: Entry): void {
    const { id, clientId, from, to } = parsePayload(entry.payload);
    // A copy of what the user sent to others: its sender waits for them, not for the own devices.
    if (from === this.user.name && ![to].flat().includes(from)) return;
    this.#awaited ??= [];
    this.#awaited.push({ seq: entry.seq, id, clientId, from, delivered: false });
    if (this.#awaited.length > maxAwaited) this.#awaited.shift();
  }

  /** Acknowledges up to `seq` (not beyond `sent`). Returns how many messages that freed. */
  ack(seq: number): number {
    const freed = this.#unacked?.ack(seq) ?? 0;
    const reached = this.unacked === 0 ? this.sent : seq;
    this.acked = Math.max(this.acked, this.#burying === undefined ? reached : this.#upTo(reached));
    return freed;
  }

  /** The messages up to `seq` whose senders are to be told, each once per state. */
  receipts(seq: number, read: boolean): Awaited[] {
    if (this.#awaited === undefined) return none;
    const told = this.#awaited.filter((one) => one.seq <= seq && (read || !one.delivered));
    for (const one of told) one.delivered = true;
    if (read) this.#awaited = this.#awaited.filter((one) => one.seq > seq);
    if (this.#awaited.length === 0) this.#awaited = undefined;
    return told;
  }
}

const none: Awaited[] = [];
