/**
 * Fan-out: which sessions read which log, and the tail of each log that somebody reads. A settled entry is offered to
 * every subscriber in the same turn. Called with every stored message: hot.
 */
import type { LogName } from "@parley/protocol";
import type { Engine } from "../engine/engine.ts";
import type { Entry } from "../engine/entry.ts";
import type { User } from "./directory.ts";

/** A session's reading of one log. */
export interface Subscriber {
  readonly topic: Topic;
  readonly user: User;
  /** An entry was settled at the tail of the log; `shared`: others are offered it too. */
  offer(entry: Entry, shared: boolean): void;
  /** There are entries that were not offered. */
  fallBehind(): void;
}

export interface Topic {
  readonly log: LogName;
  epoch: string;
  /** The last seq that was settled. */
  tail: number;
  /** How many are about to subscribe. */
  joining: number;
  readonly subscribers: Set<Subscriber>;
}

export class Hub {
  readonly #engine: Engine;
  readonly #topics = new Map<LogName, Topic>();

  constructor(engine: Engine) {
    this.#engine = engine;
    engine.subscribe((log, seq) => this.#hinted(log, seq));
  }

  /**
   * Adds the subscription that `create` makes of the log's topic, whose epoch and tail are then the engine's. `create`
   * may decline. Rejects with `StorageUnavailable`.
   */
  async subscribe(log: LogName, create: (topic: Topic) => Subscriber | undefined): Promise<void> {
    // The topic is there before the engine is asked, so that nothing settled meanwhile is missed.
    const topic = this.#topics.get(log) ?? { log, epoch: "", tail: 0, joining: 0, subscribers: new Set() };
    this.#topics.set(log, topic);
    topic.joining += 1;
    try {
      const head = await this.#engine.head(log);
      topic.epoch = head.epoch;
      topic.tail = Math.max(topic.tail, head.tail);
      const subscription = create(topic);
      if (subscription) topic.subscribers.add(subscription);
    } finally {
      topic.joining -= 1;
      this.#dropUnused(topic);
    }
  }

  unsubscribe(subscription: Subscriber): void {
    subscription.topic.subscribers.delete(subscription);
    this.#dropUnused(subscription.topic);
  }

  #dropUnused(topic: Topic): void {
    if (topic.subscribers.size === 0 && topic.joining === 0) this.#topics.delete(topic.log);
  }

  /** Offers an entry that was settled just now to all who read its log. */
  publish(entry: Entry): void {
    const topic = this.#topics.get(entry.log);
    if (!topic) return;
    topic.tail = Math.max(topic.tail, entry.seq);
    const shared = topic.subscribers.size > 1;
    for (const subscription of topic.subscribers) subscription.offer(entry, shared);
    if (shared) entry.forgetEncoded();
  }

  /** Whether a session of any other user reads the log now. */
  isReadByOthers(log: LogName, user: User): boolean {
    for (const subscriber of this.#topics.get(log)?.subscribers ?? []) if (subscriber.user !== user) return true;
    return false;
  }

  /** Another node appended: our subscribers read the log. For our own appends `publish` came before. */
  #hinted(log: LogName, seq: number): void {
    const topic = this.#topics.get(log);
    if (!topic || topic.tail >= seq) return;
    topic.tail = seq;
    for (const subscription of topic.subscribers) subscription.fallBehind();
  }
}
