/**
 * Joining and leaving rooms, alone or as a group that somebody puts together. A membership is on disk before anybody is
 * told; the user's sessions then read the room's log from where it stood.
 */
import {
  type ClientMessages,
  fail,
  ok,
  parseRoom,
  parseUser,
  type Result,
  type RoomAddress,
  type RoomKey,
  type ServerMessages,
} from "@parley/protocol";
import { type Actor, authorise } from "./authorisation.ts";
import type { Room, User } from "./directory.ts";
import type { Services } from "./services.ts";
import type { Session } from "./session.ts";
import type { Subscription } from "./subscription.ts";

type Positions = Pick<ServerMessages["ok"], "op" | "positions">;

/** Faults: `too_many`. */
async function becomeMember(
  { engine, directory, clock, policy: { maxRooms } }: Services,
  user: User,
  room: RoomAddress,
  lasting = true,
): Promise<Result<undefined>> {
  if (user.rooms.has(room.key)) return ok(undefined);
  if (maxRooms > 0 && user.rooms.size >= maxRooms)
    return fail("too_many", `${user.name} is a member of ${maxRooms} rooms already: leave one first`);
  const { tail, epoch } = await engine.head(room.key);
  await directory.join(user, room, { seq: tail, epoch }, clock.now(), lasting);
  return ok(undefined);
}

/** Makes a user a member, and the user's sessions read the room. Faults: `too_many`. */
async function admit(services: Services, user: User, room: RoomAddress, lasting: boolean): Promise<Result<undefined>> {
  const member = await becomeMember(services, user, room, lasting);
  if (!member.ok) return member;
  for (const session of user.sessions) await session.joined(room.key);
  return ok(undefined);
}

/**
 * Makes somebody a member without a session of theirs that asks. A membership that is not `lasting` ends with the process:
 * for users who will not come back. Faults: `bad_name`, `forbidden`, `too_many`. Rejects with `StorageUnavailable`.
 */
export async function enter(
  services: Services,
  actor: Actor,
  room: string,
  lasting: boolean,
): Promise<Result<undefined>> {
  const address = parseRoom(room);
  if (!address.ok) return address;
  const allowed = authorise(actor, "join", address.value);
  return allowed.ok ? admit(services, actor.user, address.value, lasting) : allowed;
}

/**
 * Makes the session's user a member; `tell` gets where delivery begins, before the first message, so that its epoch is
 * known.
 */
export async function join(
  services: Services,
  session: Session,
  command: ClientMessages["join"],
  tell: (joined: Positions) => void,
): Promise<Result<undefined>> {
  const room = parseRoom(command.room);
  if (!room.ok) return room;
  const allowed = authorise(session, "join", room.value);
  if (!allowed.ok) return allowed;
  const log = room.value.key;
  const member = await becomeMember(services, session.user, room.value);
  if (!member.ok) return member;
  // Each step is done where it was not done yet: a join that failed in between is finished by the next.
  for (const other of session.user.sessions) if (other !== session) await other.joined(log);
  const at = (epoch: string, seq: number) => tell({ op: "ok", positions: [{ log, epoch, seq }] });
  const announce = ({ topic: { epoch }, acked: seq }: Subscription) => at(epoch, seq);
  const made = await session.read(log, undefined, announce);
  if (made) return ok(undefined);
  const known = session.subscriptions.get(log);
  const membership = session.user.rooms.get(log);
  if (known) announce(known);
  // A member that may not read it: there is where its delivery would begin.
  else if (membership) at(membership.epoch, membership.seq);
  return ok(undefined);
}

/** Ends a user's membership, and its reading of the room by all its sessions. */
export async function leave(
  { directory, cursors }: Services,
  { user }: { readonly user: User },
  command: ClientMessages["leave"],
): Promise<Result<ServerMessages["ok"]>> {
  const room = findRoom(directory.rooms, command.room);
  if (!room.ok) return room;
  const { key, name } = room.value;
  if (!user.rooms.has(key)) return fail("not_member", `you are not a member of ${name}`);
  await directory.leave(user, room.value, await cursors.keysOf(user.key, key));
  for (const session of user.sessions) session.left(key);
  await cursors.forget(user.key, key);
  return ok({ op: "ok" });
}

/** The room of that name, if `actor` may see it. Faults: `bad_name`, `forbidden`, `unknown_room`. */
export function findRoom(rooms: ReadonlyMap<RoomKey, Room>, name: string, actor?: Actor): Result<Room> {
  const address = parseRoom(name);
  if (!address.ok) return address;
  const allowed = actor ? authorise(actor, "seeRoom", address.value.key) : ok(undefined);
  if (!allowed.ok) return allowed;
  const room = rooms.get(address.value.key);
  return room ? ok(room) : fail("unknown_room", `there is no room ${address.value.name}`);
}

/** A group as it was made: names as registered; `unknown` are no users, and not members. */
export interface Group {
  readonly room: string;
  readonly members: readonly string[];
  readonly unknown: readonly string[];
}

/**
 * Makes `creator` and the users of `names` members of a room, which is made if it is new. Faults: `bad_name`,
 * `forbidden`, `not_member` where the room exists and the creator is not in it, `too_many` where the creator is in too
 * many.
 */
export async function addMembers(
  services: Services,
  creator: Actor,
  roomName: string,
  names: readonly string[],
): Promise<Result<Group>> {
  const { directory } = services;
  const address = parseRoom(roomName);
  if (!address.ok) return address;
  const existing = directory.rooms.get(address.value.key);
  const allowed = authorise(creator, "addMembers", { ...address.value, ...existing, exists: existing !== undefined });
  if (!allowed.ok) return allowed;
  const members = new Set([creator.user]);
  const unknown: string[] = [];
  for (const name of names) {
    const user = parseUser(name);
    // Whoever is added hears of it: it is a way to write to them, and to find out who there is.
    const mayReach =
      user.ok && user.value.key !== creator.user.key ? authorise(creator, "send", user.value) : ok(undefined);
    if (!mayReach.ok) return mayReach;
    const found = user.ok ? directory.users.get(user.value.key) : undefined;
    if (found) members.add(found);
    else unknown.push(name);
  }
  for (const user of members) {
    const admitted = await admit(services, user, address.value, true);
    // Somebody else who is in too many rooms already is left out, and not told of.
    if (!admitted.ok && user === creator.user) return admitted;
  }
  const room = directory.rooms.get(address.value.key) as Room;
  return ok({ room: room.name, members: [...room.members.values()].map(({ name }) => name), unknown });
}
