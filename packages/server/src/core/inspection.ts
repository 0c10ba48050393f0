/**
 * What there is, read without a session: users, rooms, devices, sessions, logs. For the HTTP API. Reads only, and does not
 * decide who may ask: that is the caller's question.
 */

import type { StoredMessage } from "@parley/protocol";
import {
  type DeviceKey,
  everyone,
  fail,
  type LogName,
  ok,
  type Presence,
  parseAddress,
  parseRoom,
  parseUser,
  type Result,
} from "@parley/protocol";
import type { Head } from "../engine/engine.ts";
import type { Entry } from "../engine/entry.ts";
import { type Actor, authorise } from "./authorisation.ts";
import type { Room, User } from "./directory.ts";
import { type HistoryQuery, isUser, readAll, readPage } from "./history.ts";
import { findRoom } from "./membership.ts";
import { pageOf } from "./paging.ts";
import type { Services } from "./services.ts";
import type { Session } from "./session.ts";

/** A part of a list in key order: up to `limit` after the name `after`. */
export interface ListQuery {
  readonly after?: string;
  readonly limit: number;
}

/** `next`: the name to go on after. */
export interface Listed<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

/** Which messages of a log are wanted: all that are named must hold. Times are in milliseconds since the epoch. */
export interface MessageFilter {
  readonly from?: string;
  readonly type?: string;
  readonly since?: number;
  readonly until?: number;
}

export interface DeviceCursor {
  readonly log: LogName;
  readonly epoch: string;
  readonly seq: number;
  /** The log's last seq. */
  readonly tail: number;
}

/** A device that has acknowledged something, or is connected. */
export interface Device {
  readonly device: string;
  readonly online: boolean;
  readonly cursors: readonly DeviceCursor[];
}

export class Inspection {
  readonly #services: Services;
  readonly #sessions: () => Iterable<Session>;

  constructor(services: Services, sessions: () => Iterable<Session>) {
    this.#services = services;
    this.#sessions = sessions;
  }

  /** Users that the actor may see, or those who are `online`, or a room's members. Faults: `bad_name`. */
  users(actor: Actor, { after, limit }: ListQuery, online: boolean, room?: Room): Result<Listed<Presence>> {
    const from = after === undefined ? undefined : parseUser(after);
    if (from && !from.ok) return from;
    const users = room?.members ?? this.#services.directory.users;
    const present = online ? [...users.values()].filter(({ sessions }) => sessions.size > 0) : users.values();
    // Who may see a room may see who is in it.
    const keys = Array.from(present, ({ key }) => key).filter((key) => room || authorise(actor, "seeUser", key).ok);
    const { page, ...next } = pageOf(keys, from?.value.key ?? "", limit);
    return ok({ items: page.flatMap((key) => users.get(key) ?? []).map((user) => this.presence(user)), ...next });
  }

  presence(user: User): Presence {
    return this.#services.presence.of(user);
  }

  /** The user of that name. Faults: `bad_name`, `unknown_user`, `forbidden`. */
  user(actor: Actor, name: string): Result<User> {
    const address = parseUser(name);
    if (!address.ok) return address;
    const allowed = authorise(actor, "seeUser", address.value.key);
    if (!allowed.ok) return allowed;
    const user = this.#services.directory.users.get(address.value.key);
    return user ? ok(user) : unknownUser(address.value.name);
  }

  /** Rooms that the actor may see. Faults: `bad_name`. */
  rooms(actor: Actor, { after, limit }: ListQuery): Result<Listed<Room>> {
    const from = after === undefined ? undefined : parseRoom(after);
    if (from && !from.ok) return from;
    const { rooms } = this.#services.directory;
    const { page, ...next } = pageOf(
      [...rooms.keys()].filter((key) => authorise(actor, "seeRoom", key).ok),
      from?.value.key ?? "",
      limit,
    );
    return ok({ items: page.flatMap((key) => rooms.get(key) ?? []), ...next });
  }

  /** The room of that name. Faults: `bad_name`, `unknown_room`, `forbidden`. */
  room(actor: Actor, name: string): Result<Room> {
    return findRoom(this.#services.directory.rooms, name, actor);
  }

  /** The user's devices, and how far they have acknowledged each log. Rejects with `StorageUnavailable`. */
  async devices(user: User): Promise<Device[]> {
    const { engine } = this.#services;
    const cursors = new Map<DeviceKey, DeviceCursor[]>();
    for (const [, { device, log, epoch, seq }] of await engine.scan("cursor", `${user.key} `)) {
      if (device === "") continue;
      const { tail } = await engine.head(log);
      cursors.set(device, [...(cursors.get(device) ?? []), { log, epoch, seq, tail }]);
    }
    const online = new Set<DeviceKey>();
    for (const session of this.sessions(user)) online.add(session.device);
    return [...new Set([...cursors.keys(), ...online])]
      .sort()
      .map((device) => ({ device, online: online.has(device), cursors: cursors.get(device) ?? [] }));
  }

  /** The sessions that live now: of everybody, or of a user. */
  sessions(user?: User): Session[] {
    return [...this.#sessions()].filter((session) => user === undefined || session.user === user);
  }

  /** The log of an address that exists. Faults: `bad_name`, `unknown_user`, `unknown_room`. */
  log(name: string): Result<LogName> {
    const address = parseAddress(name);
    if (!address.ok) return address;
    const { key, kind } = address.value;
    if (kind === "everyone") return ok(everyone.key);
    const { directory } = this.#services;
    if (kind === "user") return directory.users.has(key) ? ok(key) : unknownUser(address.value.name);
    const room = findRoom(directory.rooms, name);
    return room.ok ? ok(key) : room;
  }

  /** Where a log stands. Rejects with `StorageUnavailable`. */
  head(log: LogName): Promise<Head> {
    return this.#services.engine.head(log);
  }

  /** A page of a log; see `history.ts`. Rejects with `StorageUnavailable`. */
  page(query: Omit<HistoryQuery, "filter">, filter: MessageFilter): ReturnType<typeof readPage> {
    const { engine, clock } = this.#services;
    return readPage(engine, { ...query, filter: compile(filter) }, clock.now());
  }

  /** All of a log between two seqs, exclusive; see `readAll`. */
  entries(log: LogName, after: number, before: number, filter: MessageFilter): AsyncGenerator<Entry[]> {
    const { engine, clock } = this.#services;
    return readAll(engine, { log, after, before, filter: compile(filter) }, clock.now());
  }
}

/** Undefined where every message is wanted: nothing is parsed then. */
function compile({ from, type, since = 0, until = Number.MAX_SAFE_INTEGER }: MessageFilter): HistoryQuery["filter"] {
  const sender = from === undefined ? undefined : parseUser(from);
  const key = sender?.ok ? sender.value.key : undefined;
  if (from === undefined && type === undefined && since === 0 && until === Number.MAX_SAFE_INTEGER) return undefined;
  return (message: StoredMessage) =>
    (from === undefined || (key !== undefined && isUser(message.from, key))) &&
    (type === undefined || message.type === type) &&
    message.ts >= since &&
    message.ts < until;
}

function unknownUser(name: string): ReturnType<typeof fail> {
  return fail("unknown_user", `no user ${name} has ever connected`);
}
