/**
 * What was received and not yet handled. It hands one message at a time to its one consumer (a handler or an iterator),
 * in the order of arrival; a log whose handler failed is parked, and its messages wait aside in their order while the
 * other logs go on. Bounded by the window of unacknowledged messages that the server keeps. Hot path.
 */
import type { Position, ServerMessages } from "@parley/protocol";
import type { Acks } from "./acks.ts";
import type { Backoff } from "./backoff.ts";
import type { Cursor, CursorTable } from "./cursors.ts";
import type { Emitter } from "./emitter.ts";
import type { CancelTimer, Environment } from "./environment.ts";
import type { ClientEvents, Gap } from "./events.ts";
import { Message, type WireMessage } from "./message.ts";
import { Queue } from "./queue.ts";

/** A message in the consumer's hands. */
export interface Delivery {
  readonly type: "message";
  readonly cursor: Cursor;
  readonly message: Message;
}
/** What has its place among a log's messages and is passed on the way. `own` moves the position and says nothing. */
type OwnedMarker =
  | { readonly type: "gap"; readonly cursor: Cursor; readonly gap: Gap }
  | { readonly type: "own"; readonly cursor: Cursor; readonly seq: number };
type Marker = OwnedMarker | { readonly type: "live"; readonly cursor: undefined; readonly session: string };
type Item = Delivery | Marker;

/** Takes messages by `take` and finishes each with `done` or `failed`. */
export interface Consumer {
  /** There is something to take. */
  ready(): void;
  /** Nothing will come any more, for the reason given, if any. */
  closed(error: unknown): void;
}

export interface InboxOptions {
  readonly cursors: CursorTable;
  readonly acks: Acks;
  readonly emitter: Emitter<ClientEvents>;
  readonly environment: Environment;
  readonly autoAck: boolean;
  /** Makes the back-off of a failing handler. */
  readonly createBackoff: () => Backoff;
}

export class Inbox {
  readonly #options: InboxOptions;
  #queue = new Queue<Item>();
  /** Items of parked logs, in order, with what ends the parking. */
  readonly #parked = new Map<Cursor, { items: Item[]; backoff: Backoff; cancel: CancelTimer | undefined }>();
  #consumer: Consumer | undefined;
  /** Messages that a consumer took and has not finished. */
  #inHand = 0;
  /** The former consumer still has messages in hand; the present one waits, or the order would break. */
  #isHandover = false;
  #closed: { readonly error: unknown } | undefined;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  /** Connects the one consumer; returns what disconnects it. Throws when there is one already. */
  attach(consumer: Consumer): () => void {
    if (this.#consumer)
      throw new Error("messages have one consumer: one message handler or one messages() iterator at a time");
    this.#consumer = consumer;
    this.#isHandover = this.#inHand > 0;
    queueMicrotask(() => {
      if (this.#closed) consumer.closed(this.#closed.error);
      else if (this.#consumer === consumer && this.#queue.size > 0) consumer.ready();
    });
    return () => {
      if (this.#consumer === consumer) this.#consumer = undefined;
    };
  }

  /** A message from the server. Repeats end here. */
  message(wire: WireMessage): void {
    const { cursors, acks } = this.#options;
    const cursor = cursors.admit(wire.log, wire.seq);
    if (cursor) {
      this.#push({ type: "message", cursor, message: new Message(wire, cursor, acks) });
      return;
    }
    const known = cursors.get(wire.log);
    // The server does not know yet that this was handled: tell it, or its window stays full.
    if (known && wire.seq <= known.handled) acks.mark(known);
  }

  gap({ log, from, to, reason }: ServerMessages["gap"]): void {
    const cursor = this.#options.cursors.admit(log, to);
    if (cursor) this.#push({ type: "gap", cursor, gap: { log, epoch: cursor.epoch, from, to, reason } });
  }

  /** Whether `position` is the next of its log: nothing can lie in between and be on its way. */
  isNext({ log, epoch, seq }: Position): boolean {
    const cursor = this.#options.cursors.get(log);
    return cursor !== undefined && cursor.epoch === epoch && cursor.received === seq - 1;
  }

  /** This device's own message was stored at `position` and will not be sent back: the position may pass it. */
  own({ log, seq }: Position): void {
    const cursor = this.#options.cursors.get(log);
    if (!cursor) return;
    const nothingWaits = cursor.handled === cursor.received;
    cursor.received = seq;
    if (nothingWaits) this.#options.acks.handled(cursor, seq);
    else this.#push({ type: "own", cursor, seq });
  }

  /** Told when everything before it was handed out; without a consumer at once. */
  live(session: string): void {
    if (this.#consumer) this.#push({ type: "live", cursor: undefined, session });
    else this.#options.emitter.emit("live", { session });
  }

  /** Begins a log anew at `position`. What waits of it and cannot be trusted to be the same is dropped and named. */
  reset(position: Position): void {
    const { cursors, emitter } = this.#options;
    const { log, epoch, seq } = position;
    const old = cursors.get(log);
    if (old?.epoch === epoch && old.received === seq && old.handled === seq) return;
    cursors.set(position);
    const dropped = old ? this.#remove(old, (item) => !(old.epoch === epoch && lastSeq(item) <= seq)) : [];
    emitter.emit("reset", { log, epoch, seq, previous: old && { epoch: old.epoch, seq: old.handled }, dropped });
  }

  /** The next message for the consumer, if any. Gaps and the like on the way there are told. */
  take(): Delivery | undefined {
    while (!this.#closed && !this.#isHandover && this.#options.acks.hasRoom) {
      const item = this.#queue.shift();
      if (item === undefined) return undefined;
      if (item.cursor?.parked) this.#parked.get(item.cursor)?.items.push(item);
      else if (item.type !== "message") this.#pass(item);
      else if (this.#wasAckedByHand(item)) this.#settle(item);
      else {
        this.#inHand += 1;
        return item;
      }
    }
    return undefined;
  }

  /** The consumer has finished with a message. */
  done(delivery: Delivery): void {
    this.#settle(delivery);
    this.#leftHand(1);
  }

  /** The consumer failed on a message: it will be handed out again, first of its log, after a back-off. */
  failed(delivery: Delivery, error: unknown): void {
    const { cursor, message } = delivery;
    let parked = this.#parked.get(cursor);
    if (!parked) {
      parked = { items: [], backoff: this.#options.createBackoff(), cancel: undefined };
      this.#parked.set(cursor, parked);
    }
    cursor.parked = true;
    cursor.failures += 1;
    parked.items.push(delivery);
    const retryInMs = parked.backoff.next();
    parked.cancel = this.#options.environment.after(retryInMs, () => this.#unpark(cursor));
    const attempt = cursor.failures;
    this.#options.emitter.emit("error", { type: "handler", error, message, attempt, retryInMs });
    this.#leftHand(1);
  }

  /** Puts messages back that a consumer took and did not finish. */
  giveBack(deliveries: readonly Delivery[]): void {
    this.#queue.unshift(deliveries.filter(({ cursor, message }) => message.seq > cursor.handled));
    this.#leftHand(deliveries.length);
    if (this.#queue.size > 0) this.#consumer?.ready();
  }

  /** Messages may be handed out again. */
  resume(): void {
    if (this.#queue.size > 0) this.#consumer?.ready();
  }

  close(error: unknown): void {
    if (this.#closed) return;
    this.#closed = { error };
    for (const { cancel } of this.#parked.values()) cancel?.();
    this.#consumer?.closed(error);
  }

  #settle({ cursor, message }: Delivery): void {
    if (cursor.failures > 0) {
      cursor.failures = 0;
      this.#parked.delete(cursor);
    }
    if (this.#options.autoAck) this.#options.acks.handled(cursor, message.seq);
  }

  #leftHand(count: number): void {
    this.#inHand -= count;
    if (this.#inHand > 0 || !this.#isHandover) return;
    this.#isHandover = false;
    this.#consumer?.ready();
  }

  #push(item: Item): void {
    this.#queue.push(item);
    this.#consumer?.ready();
  }

  #pass(item: Marker): void {
    const { acks, autoAck, emitter } = this.#options;
    if (item.type === "live") {
      emitter.emit("live", { session: item.session });
      return;
    }
    if (item.type === "own") {
      if (autoAck) acks.handled(item.cursor, item.seq);
      return;
    }
    const { cursor, gap } = item;
    emitter.emit("gap", gap);
    if (autoAck || cursor.handled >= gap.from - 1) acks.handled(cursor, gap.to);
  }

  #unpark(cursor: Cursor): void {
    const parked = this.#parked.get(cursor);
    if (!parked || this.#closed) return;
    cursor.parked = false;
    this.#queue.unshift(parked.items);
    parked.items = [];
    this.#consumer?.ready();
  }

  /** While its back-off ran, the application gave the failing message up. */
  #wasAckedByHand({ cursor, message }: Delivery): boolean {
    return cursor.failures > 0 && message.seq <= cursor.handled;
  }

  /** Takes those of a cursor's items that match out of queue and parking; returns the messages among them. */
  #remove(cursor: Cursor, matches: (item: Delivery | OwnedMarker) => boolean): Message[] {
    const parked = this.#parked.get(cursor);
    parked?.cancel?.();
    this.#parked.delete(cursor);
    cursor.parked = false;
    if (parked) this.#queue.unshift(parked.items);
    const removed = this.#queue.remove((item) => item.type !== "live" && item.cursor === cursor && matches(item));
    return removed.filter((item) => item.type === "message").map(({ message }) => message);
  }
}

function lastSeq(item: Delivery | OwnedMarker): number {
  if (item.type === "message") return item.message.seq;
  return item.type === "gap" ? item.gap.to : item.seq;
}
