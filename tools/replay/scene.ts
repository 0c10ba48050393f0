/**
 * Plays one file: brings its people on, lets each line happen in the file's order, cuts and mends, and in the end brings
 * everybody back, drains and compares. Two rules make the comparison exact: whoever speaks is a member by then (each
 * participant does things in order), and while somebody leaves the room, nobody else speaks.
 */
import { setImmediate as turn } from "node:timers/promises";
import type { SendResult } from "@parley/client";
import type { Activity } from "./activity.ts";
import { Book } from "./book.ts";
import type { Cast } from "./cast.ts";
import type { Findings } from "./findings.ts";
import type { Interruptions } from "./interruptions.ts";
import type { LogEvent, LogFile } from "./log-file.ts";
import type { Participant, Witness } from "./participant.ts";
import type { DeliveredMessage, LogPosition, SentMessage } from "./sent-message.ts";

type Line = Extract<LogEvent, { type: "line" }>;

/** Sends without an answer; at this many the file waits. */
const maxOpen = 256;
/** For so long may nothing at all happen while something is waited for: longer than a restart of the server. */
const stallMs = 30_000;

export interface SceneOptions {
  readonly log: LogFile;
  readonly room: string;
  /** Begins the `clientId`s of the whole run. */
  readonly runPrefix: string;
  /** Begins the `clientId`s of this scene. */
  readonly idPrefix: string;
  readonly shared: boolean;
  readonly cast: Cast;
  readonly interruptions: Interruptions;
  readonly activity: Activity;
  /** Called before each line; may take its time. */
  readonly beforeLine: () => Promise<void>;
  readonly trouble: (what: string) => void;
}

export class Scene implements Witness {
  readonly book: Book;
  readonly #options: SceneOptions;
  readonly #people = new Map<string, Participant>();
  readonly #present = new Set<Participant>();
  #failure: unknown;

  constructor(options: SceneOptions) {
    this.#options = options;
    const { room, runPrefix, shared } = options;
    this.book = new Book({ room, runPrefix, shared });
  }

  /** Plays it to the end; resolves with what the comparison found. Rejects when it got stuck. */
  async play(): Promise<Findings> {
    await this.#assemble();
    for (const event of this.#options.log.events) await this.#step(event);
    await this.#finish();
    return this.book.compare();
  }

  // What participants tell

  delivered(user: string, message: DeliveredMessage): void {
    this.book.deliver(user, message);
    this.#options.activity.changed();
  }

  acknowledged({ clientId, positions, duplicate }: SendResult): void {
    this.book.acknowledge(clientId, positions, duplicate);
    this.#options.activity.changed();
  }

  refused(clientId: string, why: string): void {
    this.book.refuse(clientId, why);
    this.#options.activity.changed();
  }

  told(user: string, positions: readonly LogPosition[]): void {
    const position = positions.find(({ log }) => log === this.#options.room);
    if (position) this.book.memberships.told(user, position);
    this.#options.activity.changed();
  }

  trouble(what: string): void {
    this.#options.trouble(what);
  }

  // The play

  /** Everybody becomes known to the server; who does not come later is in the room from the beginning. */
  async #assemble(): Promise<void> {
    const { log, cast } = this.#options;
    const late = latecomers(log.events);
    const people = [...log.nicks].map((nick) => ({ person: cast.participant(nick), isLate: late.has(nick) }));
    if (log.events.some((event) => event.type === "line" && event.nick === undefined))
      people.push({ person: cast.scribe(), isLate: false });
    const entrances = people.map(async ({ person, isLate }) => {
      person.enter(this);
      this.book.enlist(person.key);
      this.#people.set(person.key, person);
      await person.arrive();
      if (isLate) await person.vanish();
      else await this.#enterRoom(person);
    });
    await Promise.all(entrances);
  }

  async #step(event: LogEvent): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const { cast, interruptions } = this.#options;
    switch (event.type) {
      case "line":
        await this.#options.beforeLine();
        interruptions.step([...this.#present]);
        this.#say(event);
        break;
      case "joined":
        this.#watch(this.#enterRoom(cast.participant(event.nick)));
        break;
      case "left":
        await this.#leaveRoom(cast.participant(event.nick));
        break;
      case "quit":
        this.#vanish(cast.participant(event.nick));
        break;
      case "renamed":
        this.#vanish(cast.participant(event.nick));
        this.#watch(this.#enterRoom(cast.participant(event.to)));
        break;
    }
    await turn();
    if (this.book.open >= maxOpen) await this.#until(() => this.book.open < maxOpen, "for answers to sends");
  }

  #say({ line, nick, body, kind, addressee }: Line): void {
    const { cast, room, idPrefix } = this.#options;
    const person = nick === undefined ? cast.scribe() : cast.participant(nick);
    this.#watch(this.#enterRoom(person));
    const type = kind === "said" ? undefined : kind;
    this.#send(person, room, { clientId: `${idPrefix}${line}`, sender: person.key, log: room, line, body, type });
    if (addressee === undefined) return;
    const { name, key } = cast.participant(addressee);
    this.#send(person, name, { clientId: `${idPrefix}${line}.d`, sender: person.key, log: key, line, body, type });
  }

  #send(person: Participant, to: string, message: SentMessage): void {
    this.book.send(message);
    this.#watch(person.say(to, message));
  }

  /** Connected and a member, whether it was so before or not. */
  async #enterRoom(person: Participant): Promise<void> {
    this.#present.add(person);
    if (this.book.memberships.isMember(person.key)) return person.appear();
    this.book.memberships.joining(person.key);
    await person.join(this.#options.room);
  }

  /** When everything said so far was answered and came to the one who leaves. */
  async #leaveRoom(person: Participant): Promise<void> {
    const { memberships } = this.book;
    if (memberships.isMember(person.key)) {
      this.#watch(person.appear());
      this.#options.interruptions.mend(person);
      await this.#silence();
      const wanted = this.book.lastFor(person.key);
      // Where this does not become true, the comparison will say what is missing.
      await this.#options.activity.until(() => this.book.isUpToDate(person.key, wanted), stallMs);
      await person.leave(this.#options.room);
      memberships.left(person.key, this.book.lastSeq);
    }
    this.#vanish(person);
  }

  #vanish(person: Participant): void {
    this.#present.delete(person);
    this.#options.interruptions.mend(person);
    this.#watch(person.vanish());
  }

  /** Until every send has its answer. */
  #silence(): Promise<void> {
    return this.#until(() => this.book.open === 0, "for answers to sends");
  }

  /** Everybody comes back, every send is answered, every device starts anew and drains until `live`. */
  async #finish(): Promise<void> {
    const { interruptions } = this.#options;
    interruptions.mendAll();
    const people = [...this.#people.values()];
    await Promise.all(people.map((person) => person.appear()));
    await this.#silence();
    const live = new Set<Participant>();
    const draining = people.map(async (person) => {
      await person.drain();
      live.add(person);
      this.#options.activity.changed();
    });
    const drained = await this.#options.activity.until(() => live.size === people.length, stallMs);
    if (!drained) for (const person of people) if (!live.has(person)) this.book.undrained(person.key);
    if (drained) await Promise.all(draining);
    await Promise.all(people.map((person) => person.vanish()));
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    this.#options.interruptions.mendBusy();
    const held = await this.#options.activity.until(() => condition() || this.#failure !== undefined, stallMs);
    if (this.#failure !== undefined) throw this.#failure;
    if (!held) throw new Error(`stuck: waited ${what}, and nothing happened for ${stallMs / 1000} s`);
  }

  /** For what goes on beside the file's lines: a failure ends the play at the next line. */
  #watch(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#failure ??= error;
      this.#options.activity.changed();
    });
  }
}

/** Those who first appear by coming in: they are not there at the beginning. */
function latecomers(events: readonly LogEvent[]): Set<string> {
  const seen = new Set<string>();
  const late = new Set<string>();
  for (const event of events) {
    if (event.nick === undefined) continue;
    if (event.type === "joined" && !seen.has(event.nick)) late.add(event.nick);
    if (event.type === "renamed" && !seen.has(event.to)) late.add(event.to);
    seen.add(event.nick);
    if (event.type === "renamed") seen.add(event.to);
  }
  return late;
}
