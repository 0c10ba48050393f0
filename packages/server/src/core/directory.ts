/**
 * Who and what there is: users, rooms, memberships. Held in memory, written to the engine before anybody is told; the
 * sender's path looks names up here without waiting. Also knows which sessions a user has now.
 */
import type { ErrorCode, LogName, RoomAddress, RoomKey, UserAddress, UserKey } from "@parley/protocol";
import type { Engine, RecordKinds, RecordWrite } from "../engine/engine.ts";
import type { Entry } from "../engine/entry.ts";
import type { CoreEvent } from "./connection.ts";
import { Few } from "./few.ts";
import type { Inbox } from "./limits/inbox.ts";

/** A session as the rest of the core sees it through its user. */
export interface UserSession {
  /** Tells something that is not a message. */
  tell(event: Exclude<CoreEvent, Entry>): void;
  /** Begins to read a log that the user has just joined, and says so to the peer. */
  joined(log: LogName): Promise<void>;
  left(log: LogName): void;
  close(code: ErrorCode, message: string): void;
  /** Whether the peer was sent the entry and has not acknowledged it. */
  hasInFlight(log: LogName, seq: number): boolean;
}

/** An address, with what is known of who has it. */
export interface User extends UserAddress {
  readonly key: UserKey;
  /** The spelling that was registered first. */
  readonly name: string;
  readonly createdAt: number;
  /** Where `*` stood when the user was new: what was sent before is not for this user. */
  readonly everyoneSeq: number;
  lastSeen: number;
  /** What waits for the user, once that was asked (`limits/inboxes.ts`). */
  inbox?: Inbox | undefined;
  readonly sessions: Few<UserSession>;
  /** This user as the only recipient of a message, once that was (`recipients.ts`): an object less for each. */
  alone?: readonly [User] | undefined;
  /** Written by this file alone. */
  rooms: ReadonlyMap<RoomKey, Membership>;
}

export interface Room extends RoomAddress {
  readonly key: RoomKey;
  readonly name: string;
  readonly members: Map<UserKey, User>;
}

/** The room log's tail when the user joined. */
export type Membership = Pick<RecordKinds["member"], "seq" | "epoch">;

/** Of all users who are in none: an empty map for each would be a good part of what an idle user costs. */
const noRooms: ReadonlyMap<RoomKey, Membership> = new Map();

export class Directory {
  readonly users = new Map<UserKey, User>();
  readonly rooms = new Map<RoomKey, Room>();
  readonly #engine: Engine;
  /** Users and rooms that are being removed: who wants one of that name waits until it is gone. */
  readonly removing = new Map<string, Promise<unknown>>();
  readonly #registering = new Map<UserKey, Promise<User>>();

  private constructor(engine: Engine) {
    this.#engine = engine;
  }

  static async load(engine: Engine): Promise<Directory> {
    const directory = new Directory(engine);
    for (const [key, user] of await engine.scan("user", "")) directory.#addUser(key as UserKey, user);
    for (const [key, { name }] of await engine.scan("room", "")) directory.#addRoom(key as RoomKey, name);
    for (const [, { room, user, seq, epoch }] of await engine.scan("member", "")) {
      const member = directory.users.get(user);
      if (!member) continue;
      writableRooms(member).set(room, { seq, epoch });
      directory.rooms.get(room)?.members.set(user, member);
    }
    return directory;
  }

  #addUser(key: UserKey, record: RecordKinds["user"]): User {
    const user: User = {
      ...record,
      kind: "user",
      key,
      inbox: undefined,
      alone: undefined,
      sessions: new Few<UserSession>(),
      rooms: noRooms,
    };
    this.users.set(key, user);
    return user;
  }

  #addRoom(key: RoomKey, name: string): Room {
    const room: Room = { kind: "room", key, name, members: new Map<UserKey, User>() };
    this.rooms.set(key, room);
    return room;
  }

  /** The user of that name, registered durably if new. `now` in ms; `everyoneSeq` is asked only for a new user. */
  async register({ key, name }: UserAddress, now: number, everyoneSeq: () => Promise<number>): Promise<User> {
    const known = this.users.get(key);
    if (known) return known;
    await this.removing.get(key);
    const started = this.#registering.get(key) ?? this.#create(key, name, now, everyoneSeq);
    this.#registering.set(key, started);
    try {
      return await started;
    } finally {
      this.#registering.delete(key);
    }
  }

  async #create(key: UserKey, name: string, now: number, everyoneSeq: () => Promise<number>): Promise<User> {
    const value = { name, createdAt: now, lastSeen: now, everyoneSeq: await everyoneSeq() };
    await this.#engine.write([{ kind: "user", key, value }]);
    return this.#addUser(key, value);
  }

  /** Notes when a user was last seen; soon on disk, and no harm if a crash forgets it. */
  async saw(user: User, now: number): Promise<void> {
    user.lastSeen = now;
    // A user who was removed is not brought back by the end of the last session.
    if (this.users.get(user.key) !== user) return;
    const { key, name, createdAt, lastSeen, everyoneSeq } = user;
    await this.#engine.write([{ kind: "user", key, value: { name, createdAt, lastSeen, everyoneSeq } }]);
  }

  /** Makes `user` a member, durably where it is to last, and makes the room if it is new. */
  async join(
    user: User,
    { key, name }: RoomAddress,
    membership: Membership,
    now: number,
    lasting = true,
  ): Promise<void> {
    await this.removing.get(key);
    const value = { room: key, user: user.key, ...membership };
    const records: RecordWrite[] = [];
    if (!this.rooms.has(key)) records.push({ kind: "room", key, value: { name, createdAt: now } });
    if (lasting) records.push({ kind: "member", key: `${key} ${user.key}`, value });
    if (records.length > 0) await this.#engine.write(records);
    const room = this.rooms.get(key) ?? this.#addRoom(key, name);
    room.members.set(user.key, user);
    writableRooms(user).set(key, membership);
  }

  /** Ends a membership, durably, and forgets the cursors under `cursorKeys`. */
  async leave(user: User, room: Room, cursorKeys: readonly string[]): Promise<void> {
    await this.#engine.write([
      { kind: "member", key: `${room.key} ${user.key}`, value: undefined },
      ...cursorKeys.map((key) => ({ kind: "cursor", key, value: undefined }) as const),
    ]);
    room.members.delete(user.key);
    forgetRoom(user, room.key);
  }
}

/** Removes a room from those of the user, in memory: its record is deleted. */
export function forgetRoom(user: User, room: RoomKey): void {
  if (user.rooms.size > 0) writableRooms(user).delete(room);
}

function writableRooms(user: User): Map<RoomKey, Membership> {
  if (user.rooms === noRooms) user.rooms = new Map();
  // Every other map than that one was made here.
  return user.rooms as Map<RoomKey, Membership>;
}
