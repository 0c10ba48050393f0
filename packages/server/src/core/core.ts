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
  maxRecipients,
  ok,
  type Position,
  parseAddress,
  parseDevice,
  parseUser,
  type Result,
  type ServerMessages,
} from "@parley/protocol";
import type { Engine } from "../engine/engine.ts";
import { type Clock, randomWord } from "./clock.ts";
import { type Command, handle } from "./commands.ts";
import type { Connection } from "./connection.ts";
import { Cursors } from "./cursors.ts";
import { DeadLetters } from "./dead-letters.ts";
import { Directory } from "./directory.ts";
import { Hub } from "./hub.ts";
import { createIds } from "./ids.ts";
import { Presence } from "./presence.ts";
import { Readers } from "./readers.ts";
import { Retention, type RetentionPolicy } from "./retention.ts";
import type { CoreLimits, Services } from "./services.ts";
import { Session } from "./session.ts";

export interface CoreOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly limits: CoreLimits;
  readonly retention: RetentionPolicy;
  readonly onError: Services["onError"];
}

/** What a gateway says to log a connection in. */
export type Login = Omit<ClientMessages["hello"], "op" | "ref" | "token">;

export interface LoggedIn {
  readonly session: Session;
  readonly welcome: ServerMessages["welcome"];
  /** Positions that could not be resumed; to be told after `welcome`. */
  readonly resets: readonly ServerMessages["reset"][];
}

export class Core {
  readonly limits: CoreLimits;
  readonly #services: Services;
  readonly #retention: Retention;
  /** By `user/device`. */
  readonly #sessions = new Map<string, Session>();

  private constructor(services: Services, retention: RetentionPolicy) {
    this.limits = services.limits;
    this.#services = services;
    this.#retention = new Retention(services, retention);
  }

  /** Loads users, rooms and memberships. Rejects with `StorageUnavailable`. */
  static async open({ engine, clock, limits, retention, onError }: CoreOptions): Promise<Core> {
    const directory = await Directory.load(engine);
    const newId = createIds(clock);
    const cursors = new Cursors(engine);
    const readers = new Readers(directory, cursors);
    const services: Services = {
      engine,
      clock,
      limits,
      directory,
      newId,
      onError,
      hub: new Hub(engine),
      cursors,
      readers,
      presence: new Presence(clock, directory, (error) => onError("lastSeen was not written", error)),
      deadLetters: new DeadLetters(engine, clock, newId, readers, (error) =>
        onError("a dead letter was not written", error),
      ),
    };
    return new Core(services, retention);
  }

  /**
   * Begins a session for a connection. The gateway then tells `welcome` and the resets and calls `session.start()`. A
   * session of the same device ends. Faults: `bad_message`, `bad_name`. Rejects with `StorageUnavailable`.
   */
  async login(connection: Connection, login: Login): Promise<Result<LoggedIn>> {
    const { directory, engine, clock, presence } = this.#services;
    if (login.user === undefined) return fail("bad_message", 'hello: field "user" is missing');
    const address = parseUser(login.user);
    if (!address.ok) return address;
    const id = randomWord(clock);
    const device = login.device === undefined ? ok(`session-${id}` as DeviceKey) : parseDevice(login.device);
    if (!device.ok) return device;
    const everyoneSeq = async () => (await engine.head(everyone.key)).tail;
    const user = await directory.register(address.value, clock.now(), everyoneSeq);
    const session = new Session(this.#services, connection, {
      id,
      user,
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

  #welcome(session: Session): ServerMessages["welcome"] {
    const { maxFrameBytes, maxBodyBytes, idleMs } = this.limits;
    const positions = [...session.subscriptions.values()].map(({ topic: { log, epoch }, sent }) => ({
      log,
      epoch,
      seq: sent,
    }));
    const limits = { maxFrameBytes, maxBodyBytes, maxRecipients, window: session.window, idleMs };
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
