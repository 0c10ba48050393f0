/**
 * The core: names, logs, sessions and what they may do, put together over an engine. Knows no socket, no database and
 * no HTTP; gateways bring connections and commands, the engine keeps what must last. Made by `server.ts`.
 */
import {
  type ClientMessages,
  type DeviceKey,
  defaultWindow,
  everyone,
  fail,
  type LogName,
  ok,
  type Position,
  parseAddress,
  parseDevice,
  parseUser,
  type Result,
  type ServerMessages,
  type UserAddress,
} from "@parley/protocol";
import type { Engine } from "../engine/engine.ts";
import type { Entry } from "../engine/entry.ts";
import { type Clock, randomWord } from "./clock.ts";
import { type Command, handle } from "./commands.ts";
import type { Connection } from "./connection.ts";
import { Counters } from "./counters.ts";
import { Cursors } from "./cursors.ts";
import { DeadLetters } from "./dead-letters.ts";
import { Directory, type User } from "./directory.ts";
import { Hub } from "./hub.ts";
import { type Authenticate, type Credentials, type Identity, takeAtTheirWord } from "./identity.ts";
import { createIds } from "./ids.ts";
import { Inboxes } from "./limits/inboxes.ts";
import { Limiter } from "./limits/limiter.ts";
import { defaultPolicy, type LimitPolicy } from "./limits/policy.ts";
import { addMembers, enter, findRoom, type Group, leave } from "./membership.ts";
import { type Posted, post } from "./post.ts";
import { Presence } from "./presence.ts";
import { Readers } from "./readers.ts";
import { checkChoosable, type SystemName } from "./reserved-names.ts";
import { Retention, type RetentionPolicy } from "./retention.ts";
import { keepSecret } from "./secrets.ts";
import type { CoreLimits, Services } from "./services.ts";
import { Session } from "./session.ts";

export interface CoreOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly limits: CoreLimits;
  /** Default: `defaultPolicy`. */
  readonly policy?: LimitPolicy;
  readonly retention: RetentionPolicy;
  readonly onError: Services["onError"];
  /** Default: everybody is whom they say. */
  readonly authenticate?: Authenticate;
}

/** What a gateway says to log a connection in. */
export type Login = Omit<ClientMessages["hello"], "op" | "ref" | keyof Credentials> & Credentials;

export interface LoggedIn {
  readonly session: Session;
  readonly welcome: ServerMessages["welcome"];
  /** Positions that could not be resumed; to be told after `welcome`. */
  readonly resets: readonly ServerMessages["reset"][];
}

/** When a login may be tried again that was one too many. */
const sessionRetryMs = 5000;

export class Core {
  readonly limits: CoreLimits;
  readonly policy: LimitPolicy;
  /** Who may connect, and how fast one may send. */
  readonly limiter: Limiter;
  readonly #services: Services;
  readonly #counters: Counters;
  readonly #retention: Retention;
  readonly #authenticate: Authenticate;
  /** By `user/device`. */
  readonly #sessions = new Map<string, Session>();

  private constructor(services: Services, counters: Counters, retention: RetentionPolicy, authenticate: Authenticate) {
    this.limits = services.limits;
    this.policy = services.policy;
    this.limiter = new Limiter(services.policy, services.limits.maxFrameBytes);
    this.#services = services;
    this.#counters = counters;
    this.#retention = new Retention(services, retention);
    this.#authenticate = authenticate;
  }

  /** Loads users, rooms and memberships. Rejects with `StorageUnavailable`. */
  static async open(options: CoreOptions): Promise<Core> {
    const { engine, clock, limits, policy = defaultPolicy, retention, onError, authenticate } = options;
    const directory = await Directory.load(engine);
    const newId = createIds(clock);
    const cursors = new Cursors(engine);
    const readers = new Readers(directory, cursors);
    const services: Services = {
      engine,
      clock,
      limits,
      policy,
      directory,
      newId,
      onError,
      hub: new Hub(engine),
      inboxes: new Inboxes(engine, cursors, policy, onError),
      cursors,
      readers,
      presence: new Presence(clock, directory, (error) => onError("lastSeen was not written", error)),
      deadLetters: new DeadLetters(engine, clock, newId, readers, (error) =>
        onError("a dead letter was not written", error),
      ),
    };
    return new Core(services, await Counters.load(engine), retention, authenticate ?? takeAtTheirWord);
  }

  /**
   * Begins a session for a connection. The gateway then tells `welcome` and the resets and calls `session.start()`. A
   * session of the same device ends. Faults: `bad_message`, `bad_name`, `forbidden`, `unauthorized`. Rejects with `StorageUnavailable`.
   */
  async login(connection: Connection, login: Login): Promise<Result<LoggedIn>> {
    const { clock, presence } = this.#services;
    const authenticated = await this.#authenticate(login, connection.info);
    if (!authenticated.ok) return authenticated;
    const identity = authenticated.value;
    const id = randomWord(clock);
    const device = login.device === undefined ? ok(`session-${id}` as DeviceKey) : parseDevice(login.device);
    if (!device.ok) return device;
    const registered = await this.#userOf(identity);
    if (!registered.ok) return registered;
    const user = registered.value;
    const { maxSessions } = this.policy;
    if (maxSessions > 0 && user.sessions.size >= maxSessions && !this.#sessions.has(`${user.key}/${device.value}`))
      return fail("too_many", `${user.name} has ${maxSessions} sessions already`, sessionRetryMs);
    const session = new Session(this.#services, connection, {
      id,
      user,
      identity,
      device: device.value,
      lasting: login.device !== undefined,
      window: Math.min(login.window ?? defaultWindow, this.limits.maxWindow),
      onEnd: (ended) => this.#ended(ended),
    });
    this.#sessions.get(session.origin)?.close("replaced", "the same device connected again");
    this.#sessions.set(session.origin, session);
    presence.sessionBegan(session);
    try {
      const resets = await resume(session, login.positions ?? []);
      return ok({ session, welcome: this.#welcome(session), resets });
    } catch (error) {
      session.end();
      throw error;
    }
  }

  /**
   * Who somebody is who asks without a session, made durably if new. Faults: `bad_message`, `bad_name`, `forbidden`,
   * `unauthorized`. Rejects with `StorageUnavailable`.
   */
  async authenticate(
    credentials: Credentials,
    from: Connection["info"],
  ): Promise<Result<{ readonly identity: Identity; readonly user: User }>> {
    const authenticated = await this.#authenticate(credentials, from);
    if (!authenticated.ok) return authenticated;
    const identity = authenticated.value;
    const user = await this.#userOf(identity);
    return user.ok ? ok({ identity, user: user.value }) : user;
  }

  async #userOf({ user }: Identity): Promise<Result<User>> {
    return typeof user === "string" ? this.register(user) : ok(user);
  }

  /** The user of that name, made durably if new. Faults: `bad_name`, `forbidden`. Rejects with `StorageUnavailable`. */
  async register(name: string): Promise<Result<User>> {
    const address = parseUser(name);
    if (!address.ok) return address;
    const allowed = checkChoosable(address.value.key);
    return allowed.ok ? ok(await this.#make(address.value)) : allowed;
  }

  /** A user whose name nobody had before and nobody can choose. Rejects with `StorageUnavailable`. */
  async newGuest(): Promise<User> {
    for (;;) {
      const address = parseUser(`guest-${await this.nextNumber("guest", 1)}`);
      if (!address.ok) throw new Error(address.fault.message);
      if (!this.#services.directory.users.has(address.value.key)) return this.#make(address.value);
    }
  }

  #make(address: UserAddress): Promise<User> {
    const { directory, engine, clock } = this.#services;
    const everyoneSeq = async () => (await engine.head(everyone.key)).tail;
    return directory.register(address, clock.now(), everyoneSeq);
  }

  /** The user of that name, if there is one. */
  user(name: string): User | undefined {
    const address = parseUser(name);
    return address.ok ? this.#services.directory.users.get(address.value.key) : undefined;
  }

  /** Sends without a session, as a user or as the server; see `post.ts`. */
  post(from: User | SystemName, send: Parameters<typeof post>[2]): Promise<Result<Posted>> {
    return post(this.#services, from, send);
  }

  /** Makes a user a member of a room, which is made if it is new; see `membership.ts`. Rejects with `StorageUnavailable`. */
  join(user: User, room: string, lasting = true): Promise<Result<undefined>> {
    return enter(this.#services, user, room, lasting);
  }

  /** Ends a membership. Faults: `bad_name`, `unknown_room`, `not_member`. Rejects with `StorageUnavailable`. */
  async leave(user: User, room: string): Promise<Result<undefined>> {
    const left = await leave(this.#services, { user }, { op: "leave", room });
    return left.ok ? ok(undefined) : left;
  }

  /** Makes users members of a room; see `membership.ts`. Rejects with `StorageUnavailable`. */
  addMembers(creator: User, room: string, names: readonly string[]): Promise<Result<Group>> {
    return addMembers(this.#services, creator, room, names);
  }

  /** Names of users who are online: of all in the order in which they came, or of a room's members. */
  online(room?: string): string[] {
    const { directory, presence } = this.#services;
    if (room === undefined) return Array.from(presence.online, ({ name }) => name);
    const found = findRoom(directory.rooms, room);
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

  /** A number that was never given out before for `counter`, from `first` on. Rejects with `StorageUnavailable`. */
  nextNumber(counter: string, first: number): Promise<number> {
    return this.#counters.next(counter, first);
  }

  /** A secret of the server's own, the same after a restart; see `secrets.ts`. Rejects with `StorageUnavailable`. */
  secret(name: string): Promise<string> {
    return keepSecret(this.#services.engine, this.#services.clock, name);
  }

  #welcome(session: Session): ServerMessages["welcome"] {
    const { maxFrameBytes, maxBodyBytes, idleMs } = this.limits;
    const { maxRecipients, maxRooms, maxWatched, connection } = this.policy;
    const positions = [...session.subscriptions.values()].map(({ topic: { log, epoch }, sent }) => ({
      log,
      epoch,
      seq: sent,
    }));
    const limits = {
      maxFrameBytes,
      maxBodyBytes,
      maxRecipients,
      window: session.window,
      idleMs,
      maxRooms,
      maxWatched,
      ...connection,
    };
    return { op: "welcome", user: session.user.name, device: session.device, session: session.id, positions, limits };
  }

  #ended(session: Session): void {
    if (this.#sessions.get(session.origin) === session) this.#sessions.delete(session.origin);
    this.#services.presence.sessionEnded(session);
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return this.#services.clock.now();
  }

  /** Carries out what a session asks; see `commands.ts`. */
  handle(session: Session, command: Command): void {
    handle(this.#services, session, command);
  }

  /** Trims all logs to the retention policy, once. Rejects with `StorageUnavailable`. */
  trim(): Promise<void> {
    return this.#retention.run(this.#services.clock.now());
  }

  /** Everything stored, as bytes of the engine's own; see `Engine.backup`. Undefined where nothing lasts. */
  backup(): AsyncGenerator<Uint8Array> | undefined {
    return this.#services.engine.backup?.();
  }

  /** Ends all sessions: they are told to reconnect. The engine stays open. */
  close(): void {
    for (const session of [...this.#sessions.values()]) session.close("shutting_down", "the server is going down");
    this.#services.presence.stop();
  }
}

/** Makes a session read all that its user reads; returns the positions that could not be resumed. */
async function resume(session: Session, positions: readonly Position[]): Promise<ServerMessages["reset"][]> {
  const asked = new Map<LogName, Position>();
  for (const position of positions) {
    const address = parseAddress(position.log);
    if (address.ok) asked.set(address.value.key, position);
  }
  const resets: ServerMessages["reset"][] = [];
  for (const log of [session.user.key, ...session.user.rooms.keys(), everyone.key]) {
    const position = asked.get(log);
    const subscription = await session.read(log, position);
    if (!position || !subscription) continue;
    const { epoch } = subscription.topic;
    if (position.epoch !== epoch || position.seq !== subscription.sent)
      resets.push({ op: "reset", log, epoch, seq: subscription.sent });
  }
  return resets;
}
