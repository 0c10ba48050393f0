/**
 * Fan-out: which sessions read which log, and the tail of each log that somebody reads. What was settled in a turn is
 * offered to every subscriber at the end of it, each log's entries together. Called with every stored message: hot.
 */
import type { LogName } from "@parley/protocol";
import type { Engine } from "../engine/engine.ts";
import type { Entry } from "../engine/entry.ts";
import { withNext } from "../short-list.ts";
import type { User } from "./directory.ts";
import { Few } from "./few.ts";
import { Run } from "./run.ts";

/** A session's reading of one log. */
export interface Subscriber {
  readonly topic: Topic;
  readonly user: User;
  /** Entries were settled at the tail of the log; `shared`: others are offered them too. */
  offer(run: Run, shared: boolean): void;
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
  readonly subscribers: Few<Subscriber>;
  /** What was settled and is about to be offered. */
  settled: Entry[];
}

/** Most topics have nothing to offer: they share this, and none of them adds to it. */
const noEntries: Entry[] = [];

export class Hub {
  readonly #engine: Engine;
  readonly #topics = new Map<LogName, Topic>();
  /** Those that have something to offer. */
  #ready: Topic[] = [];
  readonly #offerReady = () => this.offerNow();

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
    const topic = this.#topics.get(log) ?? {
      log,
      epoch: "",
      tail: 0,
      joining: 0,
      subscribers: new Few(),
      settled: noEntries,
    };
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

  /** An entry was settled just now: it is offered to all who read its log when the turn's others are settled too. */
  publish(entry: Entry): void {
    const topic = this.#topics.get(entry.log);
    if (!topic) return;
    if (entry.seq > topic.tail) topic.tail = entry.seq;
    if (topic.settled.length > 0) {
      topic.settled = withNext(topic.settled, entry);
      return;
    }
    topic.settled = [entry];
    if (this.#ready.push(topic) === 1) queueMicrotask(this.#offerReady);
  }

  /** Offers what was published already, for who cannot wait for the end of the turn. */
  offerNow(): void {
    const topics = this.#ready;
    this.#ready = [];
    for (const topic of topics) {
      const { settled, subscribers } = topic;
      topic.settled = noEntries;
      const run = new Run(settled);
      const { only } = subscribers;
      const shared = subscribers.size > 1;
      if (only) only.offer(run, false);
      else for (const subscription of subscribers) subscription.offer(run, shared);
      if (shared) for (const entry of settled) entry.forgetEncoded();
    }
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
