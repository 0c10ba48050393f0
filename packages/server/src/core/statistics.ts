/**
 * How many messages were accepted, and how much: by sender, room, and per day (UTC) by gateway and type. Counted in
 * memory as messages are stored (hot path: a few additions), written every few seconds. A process that is killed forgets
 * what it counted since the last write; nothing is ever counted twice.
 */
import type { Address, RoomKey, UserKey } from "@parley/protocol";
import { type Engine, type RecordWrite, StorageUnavailable } from "../engine/engine.ts";

/** `bytes` is the size of the messages as they are stored, each once however many logs it is in. */
export interface Count {
  readonly messages: number;
  readonly bytes: number;
}

export const dimensions = ["day", "user", "room", "gateway", "type"] as const;
export type Dimension = (typeof dimensions)[number];

/** A message as it is counted. */
export interface Counted {
  readonly from: UserKey;
  readonly gateway: string;
  readonly type: string | undefined;
  readonly recipients: readonly Address[];
  readonly bytes: number;
  /** When it was stored, in milliseconds since the epoch. */
  readonly ts: number;
}

/** Types that are told apart in a day; the rest are counted together. Senders choose them freely. */
const maxTypes = 200;
export const otherTypes = "(other)";

const flushMs = 5_000;
const dayMs = 86_400_000;
const recordsPerWrite = 1000;

type Stored = readonly [key: string, value: Count];

class Tally {
  messages = 0;
  bytes = 0;
  /** Whether it is among those to be written. */
  changed = false;
  readonly key: string;

  /** `key`: of its record. */
  constructor(key: string) {
    this.key = key;
  }
}

/** Tallies of one dimension, made as they are needed. */
class Tallies<K extends string> extends Map<K, Tally> {
  readonly #prefix: string;
  #lastKey: K | undefined;
  #last: Tally | undefined;

  /** `prefix` is followed by what is counted in the key of the record. */
  constructor(prefix: string) {
    super();
    this.#prefix = prefix;
  }

  of(what: K): Tally {
    // Most messages are like the one before.
    if (what === this.#lastKey) return this.#last as Tally;
    let tally = this.get(what);
    if (!tally) {
      tally = new Tally(this.#prefix + what);
      this.set(what, tally);
    }
    this.#lastKey = what;
    this.#last = tally;
    return tally;
  }

  stored(engine: Engine): Promise<readonly Stored[]> {
    return engine.scan("statistic", this.#prefix);
  }

  /** Adds what was counted before. */
  add(stored: readonly Stored[]): void {
    for (const [key, { messages, bytes }] of stored) {
      const tally = this.of(key.slice(this.#prefix.length) as K);
      tally.messages += messages;
      tally.bytes += bytes;
    }
  }
}

/** One day's. */
class Day {
  readonly number: number;
  readonly total: Tallies<string>;
  readonly gateways: Tallies<string>;
  readonly types: Tallies<string>;
  readonly name: string;
  readonly all: Tally;
  #loaded = false;

  /** `number`: days since the epoch. */
  constructor(number: number) {
    this.number = number;
    this.name = new Date(number * dayMs).toISOString().slice(0, 10);
    this.total = new Tallies(`day ${this.name}`);
    this.all = this.total.of("");
    this.gateways = new Tallies(`gateway ${this.name} `);
    this.types = new Tallies(`type ${this.name} `);
  }

  typed(type: string): Tally {
    return this.types.size < maxTypes || this.types.has(type) ? this.types.of(type) : this.types.of(otherTypes);
  }

  /** Adds, once, what was counted on that day before this object was there. */
  async load(engine: Engine): Promise<void> {
    if (this.#loaded) return;
    const { total, gateways, types } = this;
    const stored = await Promise.all([total.stored(engine), gateways.stored(engine), types.stored(engine)]);
    for (const [i, tallies] of [total, gateways, types].entries()) tallies.add(stored[i] ?? []);
    this.#loaded = true;
  }
}

export class Statistics {
  readonly #engine: Engine;
  readonly #onError: (error: unknown) => void;
  readonly #users = new Tallies<UserKey>("user ");
  readonly #rooms = new Tallies<RoomKey>("room ");
  #day = new Day(0);
  /** The current one, and others that may have messages which are not written yet, by number. */
  readonly #days = new Map<number, Day>();
  readonly #changed: Tally[] = [];
  #flushing = Promise.resolve();
  readonly #timer: NodeJS.Timeout;

  private constructor(engine: Engine, onError: (error: unknown) => void) {
    this.#engine = engine;
    this.#onError = onError;
    // A store that cannot write says so itself.
    const failed = (error: unknown) => error instanceof StorageUnavailable || this.#onError(error);
    this.#timer = setInterval(() => void this.flush().catch(failed), flushMs).unref();
  }

  /** Loads what was counted. Rejects with `StorageUnavailable`. */
  static async open(engine: Engine, onError: (error: unknown) => void): Promise<Statistics> {
    const statistics = new Statistics(engine, onError);
    statistics.#users.add(await statistics.#users.stored(engine));
    statistics.#rooms.add(await statistics.#rooms.stored(engine));
    return statistics;
  }

  /** A message was stored, for the first time. Hot path. */
  count({ from, gateway, type = "", recipients, bytes, ts }: Counted): void {
    const number = Math.floor(ts / dayMs);
    if (this.#day.number !== number) this.#turn(number);
    this.#add(this.#users.of(from), bytes);
    this.#add(this.#day.all, bytes);
    this.#add(this.#day.gateways.of(gateway), bytes);
    this.#add(this.#day.typed(type), bytes);
    for (const { kind, key } of recipients) if (kind === "room") this.#add(this.#rooms.of(key), bytes);
  }

  #add(tally: Tally, bytes: number): void {
    tally.messages += 1;
    tally.bytes += bytes;
    if (tally.changed) return;
    tally.changed = true;
    this.#changed.push(tally);
  }

  #turn(number: number): void {
    this.#day = this.#days.get(number) ?? new Day(number);
    this.#days.set(number, this.#day);
  }

  /** Writes what has changed. What cannot be written is tried again later. Rejects with `StorageUnavailable`. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.catch(() => {}).then(() => this.#flush());
    return this.#flushing;
  }

  /** Writes what has changed by now, and not what changes meanwhile: of who sends all the time that would never end. */
  async #flush(): Promise<void> {
    const over = [...this.#days.values()].filter((day) => day !== this.#day);
    let left = this.#changed.length;
    // A day may have been counted before: by the process before this one, or before the clock was put right.
    if (left > 0) for (const day of this.#days.values()) await day.load(this.#engine);
    for (; left > 0; left -= recordsPerWrite)
      await this.#write(this.#changed.splice(0, Math.min(left, recordsPerWrite)));
    for (const day of over) if (day !== this.#day) this.#days.delete(day.number);
  }

  async #write(tallies: readonly Tally[]): Promise<void> {
    const records = tallies.map(({ key, messages, bytes }): RecordWrite => {
      return { kind: "statistic", key, value: { messages, bytes } };
    });
    for (const tally of tallies) tally.changed = false;
    try {
      await this.#engine.write(records);
    } catch (error) {
      for (const tally of tallies) {
        if (!tally.changed) this.#changed.push(tally);
        tally.changed = true;
      }
      throw error;
    }
  }

  /**
   * What was counted by that dimension: all of it, or on the days `from` to `to` (`2026-11-21`, both included), which
   * only `day`, `gateway` and `type` are told apart by. Rejects with `StorageUnavailable`.
   */
  async by(dimension: Dimension, from = "", to = "9999"): Promise<Map<string, Count>> {
    await this.flush();
    const counts = new Map<string, Count>();
    const isDaily = dimension === "gateway" || dimension === "type";
    for (const [key, value] of await this.#engine.scan("statistic", `${dimension} `)) {
      const rest = key.slice(dimension.length + 1);
      const day = rest.slice(0, 10);
      if ((isDaily || dimension === "day") && (day < from || day > to)) continue;
      const what = isDaily ? rest.slice(11) : rest;
      const { messages, bytes } = counts.get(what) ?? { messages: 0, bytes: 0 };
      counts.set(what, { messages: messages + value.messages, bytes: bytes + value.bytes });
    }
    return counts;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
