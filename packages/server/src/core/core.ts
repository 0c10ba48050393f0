/**
 * The core: names, logs, sessions and what they may do, put together over an engine. Knows no socket, no database and
 * no HTTP; gateways bring connections and commands, the engine keeps what must last. Made by `server.ts`.
 */
import { type Durability, fail, type LogName, ok, parseUser, type Result, type Trace } from "@parley/protocol";
import type { Entry } from "../engine/entry.ts";
import type { Accounts } from "./accounts.ts";
import { admit, chosenDevice, stands } from "./admission.ts";
import { adoptLetters } from "./adopted-letters.ts";
import { type Actor, actorOf, authorise } from "./authorisation.ts";
import { acknowledge, type Command, handle } from "./commands.ts";
import type { Connection } from "./connection.ts";
import { Counters } from "./counters.ts";
import type { User } from "./directory.ts";
import { sayFarewell } from "./farewell.ts";
import type { Credentials, Identity } from "./identity.ts";
import { Inspection } from "./inspection.ts";
import { LetterBook } from "./letter-book.ts";
import { Limiter } from "./limits/limiter.ts";
import type { LimitPolicy } from "./limits/policy.ts";
import { LiveSessions } from "./live-sessions.ts";
import { type IdentifiedLogin, type LoggedIn, type Login, Logins } from "./login.ts";
import { addMembers, enter, findRoom, type Group, leave } from "./membership.ts";
import { type CoreOptions, openServices } from "./opening.ts";
import { type Posted, post } from "./post.ts";
import { newGuest, register, userOf } from "./registration.ts";
import { type Removed, removeRoom, removeUser } from "./removal.ts";
import type { SystemName } from "./reserved-names.ts";
import { Retention } from "./retention.ts";
import type { RevocationRequest, Revocations } from "./revocations.ts";
import { keepSecret } from "./secrets.ts";
import type { CoreLimits, Services } from "./services.ts";
import type { Session } from "./session.ts";
import type { Statistics } from "./statistics.ts";
import { trace } from "./trace.ts";
import type { Traffic } from "./traffic.ts";

export class Core {
  readonly limits: CoreLimits;
  /** What there is, for who looks after the server. */
  readonly inspection: Inspection;
  /** Whether names are given for the asking: what gateways let anybody be who comes. */
  readonly openLogin: boolean;
  /** What gateways ask for whose protocol has no word for it. */
  readonly durability: Durability;
  readonly policy: LimitPolicy;
  /** Who may connect, and how fast one may send. */
  readonly limiter: Limiter;
  readonly #services: Services;
  readonly #counters: Counters;
  readonly #retention: Retention;
  /** What became of messages that were not acknowledged, and what operators do with it. */
  readonly letters: LetterBook;
  readonly #sessions: LiveSessions<Session>;
  readonly #logins: Logins;
  #draining = false;

  private constructor(
    services: Services,
    sessions: LiveSessions<Session>,
    counters: Counters,
    { retention, openLogin, authenticate, durability = "fsync" }: CoreOptions,
  ) {
    this.#sessions = sessions;
    this.#logins = new Logins(services, sessions);
    this.limits = services.limits;
    this.openLogin = openLogin ?? authenticate === undefined;
    this.durability = durability;
    this.policy = services.policy;
    this.limiter = new Limiter(services.policy, services.limits.maxFrameBytes);
    this.#services = services;
    this.#counters = counters;
    this.letters = new LetterBook(services);
    this.#retention = new Retention(services, retention);
    this.inspection = new Inspection(services, () => sessions.all);
  }

  /** Loads users, rooms and memberships. Rejects with `StorageUnavailable`. */
  static async open(options: CoreOptions): Promise<Core> {
    const { engine, clock } = options;
    const sessions = new LiveSessions<Session>(() => clock.now());
    const services = await openServices(options, sessions);
    await adoptLetters(engine);
    return new Core(services, sessions, await Counters.load(engine), options);
  }

  /**
   * Begins a session for a connection. The gateway then tells `welcome` and the resets and calls `session.start()`. A
   * session of the same device ends. Faults: those of `admit` and `begin`. Rejects with `StorageUnavailable`.
   */
  async login(connection: Connection, login: Login): Promise<Result<LoggedIn>> {
    const identity = await this.identify(login, connection.info);
    return identity.ok ? this.begin(connection, identity.value, login) : identity;
  }

  /** Begins a session for somebody who was identified; see `login`. Faults: those of `Logins.begin`, `shutting_down`. */
  async begin(connection: Connection, identity: Identity, login: IdentifiedLogin): Promise<Result<LoggedIn>> {
    if (this.#draining) return fail("shutting_down", "the server is going down");
    return this.#logins.begin(connection, identity, login);
  }

  /**
   * Somebody who asks without a session, made known if new. Faults: those of `identify` and `actor`. Rejects with
   * `StorageUnavailable`.
   */
  async authenticate(
    credentials: Credentials,
    from: Connection["info"],
  ): Promise<Result<{ readonly identity: Identity; readonly actor: Actor }>> {
    const identity = await this.identify(credentials, from);
    if (!identity.ok) return identity;
    const actor = await this.actor(identity.value);
    return actor.ok ? ok({ identity: identity.value, actor: actor.value }) : actor;
  }

  /** Finds out who somebody is. Faults: those of `admit`. */
  async identify(credentials: Credentials, from: Connection["info"]): Promise<Result<Identity>> {
    const admitted = await admit(this.#services, credentials, from);
    return admitted.ok ? ok(admitted.value.identity) : admitted;
  }

  /**
   * Somebody who was identified, as who may act now without a session; made known if new. Faults: those of `register` and
   * `stands`. Rejects with `StorageUnavailable`.
   */
  async actor(identity: Identity): Promise<Result<Actor>> {
    const device = chosenDevice(undefined, identity.device);
    if (!device.ok) return device;
    const user = await userOf(this.#services, identity);
    if (!user.ok) return user;
    const standing = stands(this.#services, identity, user.value.key, device.value);
    return standing.ok ? ok(actorOf(user.value, identity)) : standing;
  }

  /** The user of that name, made durably if new. Faults: `bad_name`, `forbidden`. Rejects with `StorageUnavailable`. */
  register(name: string): Promise<Result<User>> {
    return register(this.#services, name);
  }

  /** A user whose name nobody had before and nobody can choose. Rejects with `StorageUnavailable`. */
  newGuest(): Promise<User> {
    return newGuest(this.#services, this.#counters);
  }

  /** The user of that name, if there is one. */
  user(name: string): User | undefined {
    const address = parseUser(name);
    return address.ok ? this.#services.directory.users.get(address.value.key) : undefined;
  }

  /** Sends without a session, as somebody who was identified or as the server; see `post.ts`. */
  post(from: Actor | SystemName, send: Parameters<typeof post>[2], gateway = "server"): Promise<Result<Posted>> {
    return post(this.#services, from, send, gateway);
  }

  /** Makes somebody a member of a room, which is made if it is new; see `membership.ts`. Rejects with `StorageUnavailable`. */
  join(actor: Actor, room: string, lasting = true): Promise<Result<undefined>> {
    return enter(this.#services, actor, room, lasting);
  }

  /** Ends a membership. Faults: `bad_name`, `unknown_room`, `not_member`. Rejects with `StorageUnavailable`. */
  async leave(user: User, room: string): Promise<Result<undefined>> {
    const left = await leave(this.#services, { user }, { op: "leave", room });
    return left.ok ? ok(undefined) : left;
  }

  /** Makes users members of a room; see `membership.ts`. Rejects with `StorageUnavailable`. */
  addMembers(creator: Actor, room: string, names: readonly string[]): Promise<Result<Group>> {
    return addMembers(this.#services, creator, room, names);
  }

  /**
   * Names of users who are online: of all in the order in which they came, or of a room's members; as far as `seenBy` may
   * see them.
   */
  online(room?: string, seenBy?: Actor): string[] {
    const { directory, presence } = this.#services;
    if (room === undefined) {
      const seesAll = !seenBy || authorise(seenBy, "seeEverybody", undefined).ok;
      const online = [...presence.online];
      const seen = seesAll ? online : online.filter(({ key }) => authorise(seenBy, "seeUser", key).ok);
      return seen.map(({ name }) => name);
    }
    const found = findRoom(directory.rooms, room, seenBy);
    if (!found.ok) return [];
    return [...found.value.members.values()].filter(({ sessions }) => sessions.size > 0).map(({ name }) => name);
  }

  /** Tells `listener` whenever the set of online users has changed; see `presence.ts`. Returns what ends it. */
  onOnlineChange(listener: () => void): () => void {
    return this.#services.presence.onChange(listener);
  }

  /**
   * A connection of `user` cannot carry an entry of a log that the user reads: leaves a dead letter, unless the user has
   * it already. Acknowledge the entry when this resolves. Rejects where the store refuses.
   */
  undelivered(reason: "too_large", entry: Entry, user: User): Promise<void> {
    return this.#services.deadLetters.undelivered(reason, entry, user);
  }

  /** How many messages were accepted, and what became of them; see `accounts.ts`. */
  get accounts(): Pick<Accounts, "of" | "page" | "totals"> {
    return this.#services.accounts;
  }

  /** What happened to one message; see `trace.ts`. */
  trace(id: string, log?: string): Promise<Result<Trace>> {
    return trace(this.#services, this.letters, id, log);
  }

  /** Removes a user, and what is pending for it becomes dead letters; see `removal.ts`. */
  removeUser(name: string): Promise<Result<Removed>> {
    return removeUser(this.#services, name);
  }

  /** The same for a room. */
  removeRoom(name: string): Promise<Result<Removed>> {
    return removeRoom(this.#services, name);
  }

  /** A number that was never given out before for `counter`, from `first` on. Rejects with `StorageUnavailable`. */
  nextNumber(counter: string, first: number): Promise<number> {
    return this.#counters.next(counter, first);
  }

  /** A secret of the server's own, the same after a restart; see `secrets.ts`. Rejects with `StorageUnavailable`. */
  secret(name: string): Promise<string> {
    return keepSecret(this.#services.engine, this.#services.clock, name);
  }

  /** What has been counted, and which connections are open. */
  get traffic(): Traffic {
    return this.#services.traffic;
  }

  /** The sessions that live now. */
  get sessions(): Iterable<Session> {
    return this.#sessions.all;
  }

  /** What was sent, by whom, where and when. */
  get statistics(): Statistics {
    return this.#services.statistics;
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return this.#services.clock.now();
  }

  /** Carries out what a session asks; see `commands.ts`. */
  handle(session: Session, command: Command): void {
    handle(this.#services, session, command);
  }

  /**
   * The session's peer has everything of a log up to `seq`: `ack`, for gateways that acknowledge for their peers. Hot path.
   */
  acknowledge(session: Session, log: LogName, seq: number): void {
    acknowledge(this.#services, session, log, seq);
  }

  /** Makes dead letters of what has expired by now; see `expiry.ts`. Rejects with `StorageUnavailable`. */
  expire(): Promise<void> {
    return this.#services.expiry.run();
  }

  /** Makes tokens void and ends the sessions that live by them; see `revocations.ts`. */
  revoke(request: RevocationRequest): ReturnType<Revocations["add"]> {
    return this.#services.revocations.add(request);
  }

  /**
   * Goes round all logs once: trims them, gives up what nobody acknowledges; forgets old revocations. Rejects with
   * `StorageUnavailable`.
   */
  async trim(): Promise<void> {
    await this.#services.revocations.clean();
    return this.#retention.run(this.#services.clock.now());
  }

  /** Everything stored, as bytes of the engine's own; see `Engine.backup`. Undefined where nothing lasts. */
  backup(): AsyncGenerator<Uint8Array> | undefined {
    return this.#services.engine.backup?.();
  }

  /** Lets nobody in any more, and ends all sessions when they are answered; see `farewell.ts`. The engine stays open. */
  async drain(withinMs: number): Promise<void> {
    this.#draining = true;
    await sayFarewell(this.#sessions.all, withinMs);
    this.close();
  }

  /** Ends all sessions: they are told to reconnect. The engine stays open. */
  close(): void {
    this.#sessions.close("shutting_down", "the server is going down", () => true);
    this.#services.presence.stop();
    this.#services.statistics.stop();
  }
}
