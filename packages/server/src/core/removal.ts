/**
 * Removing a user or a room. What is still unacknowledged there becomes dead letters (`undeliverable`) before it goes.
 * First nothing new is let in, then what is there is dealt with; a crash in between leaves what a second try finishes.
 */
import { fail, type LogName, ok, parseUser, type Result, type RoomKey, type UserKey } from "@parley/protocol";
import type { RecordWrite } from "../engine/engine.ts";
import { type Directory, forgetRoom, type Room, type User } from "./directory.ts";
import { findRoom } from "./membership.ts";
import { pendingOf } from "./readers.ts";
import type { Services } from "./services.ts";

export interface Removed {
  readonly name: string;
  /** How many messages became dead letters. */
  readonly undeliverable: number;
}

const stepEntries = 256;

/**
 * Removes a user: ends the sessions, the memberships and the log. Faults: `bad_name`, `unknown_user`. Rejects with
 * `StorageUnavailable`; the user is then still there, and can be removed by another call.
 */
export async function removeUser(services: Services, name: string): Promise<Result<Removed>> {
  const { directory, engine, cursors } = services;
  const address = parseUser(name);
  if (!address.ok) return address;
  const user = directory.users.get(address.value.key);
  if (!user) return fail("unknown_user", `there is no user ${address.value.name}`);
  const { key } = user;
  return shut(directory, directory.users, key, user, async () => {
    for (const session of [...user.sessions]) session.close("forbidden", "this user was removed");
    const undeliverable = await bury(services, key, user);
    const members: RecordWrite[] = [...user.rooms.keys()].map((room) => removal("member", `${room} ${key}`));
    const own = (await engine.scan("cursor", `${key} `)).map(([cursor]) => removal("cursor", cursor));
    const { epoch, tail } = await engine.head(key);
    // Who takes the name later begins behind what was for this one.
    const end: RecordWrite = {
      kind: "cursor",
      key: `${key}  ${key}`,
      value: { user: key, device: "", log: key, epoch, seq: tail },
    };
    await engine.write([...members, ...own, end, removal("user", key)]);
    for (const room of [...user.rooms.keys()]) {
      directory.rooms.get(room)?.members.delete(key);
      forgetRoom(user, room);
    }
    cursors.forgetUser(key);
    await empty(services, key);
    return ok({ name: user.name, undeliverable });
  });
}

/**
 * Removes a room: nobody is a member any more, and its log ends. Faults: `bad_name`, `unknown_room`. Rejects with
 * `StorageUnavailable`; the room is then still there, and can be removed by another call.
 */
export async function removeRoom(services: Services, name: string): Promise<Result<Removed>> {
  const { directory, engine, cursors } = services;
  const found = findRoom(directory.rooms, name);
  if (!found.ok) return found;
  const room = found.value;
  const { key } = room;
  return shut(directory, directory.rooms, key, room, async () => {
    const undeliverable = await bury(services, key, room);
    const records: RecordWrite[] = [];
    for (const member of room.members.keys()) {
      records.push(removal("member", `${key} ${member}`));
      for (const cursor of await cursors.keysOf(member, key)) records.push(removal("cursor", cursor));
    }
    await engine.write([...records, removal("room", key)]);
    for (const user of [...room.members.values()]) {
      forgetRoom(user, key);
      for (const session of user.sessions) session.left(key);
      await cursors.forget(user.key, key);
    }
    await empty(services, key);
    return ok({ name: room.name, undeliverable });
  });
}

/** Takes it out of the directory, so that nobody finds it any more, for as long as `work` fails. */
async function shut<K extends string, V, T>(
  { removing }: Directory,
  names: Map<K, V>,
  key: K,
  value: V,
  work: () => Promise<T>,
): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<void>();
  names.delete(key);
  removing.set(key, promise);
  try {
    return await work();
  } catch (error) {
    names.set(key, value);
    throw error;
  } finally {
    removing.delete(key);
    resolve();
  }
}

function removal(kind: "member" | "cursor" | "user" | "room", key: string): RecordWrite {
  return { kind, key, value: undefined };
}

/** Makes dead letters of what is pending in the log. Resolves with how many. */
async function bury(services: Services, log: LogName, of: User | Room): Promise<number> {
  const { engine, accounts, cursors, deadLetters, clock } = services;
  // What was taken before the directory was shut is stored when this is.
  await engine.write([]);
  let from = await accounts.endedUpTo(log);
  let buried = 0;
  for (;;) {
    const entries = await engine.read(log, from, "forward", stepEntries);
    const last = entries.at(-1);
    if (last === undefined) break;
    const users = "members" in of ? [...of.members.values()] : [of];
    const readers: { user: User; acked: number }[] = [];
    for (const user of users) {
      const start = user.rooms.get(log as string as RoomKey)?.seq ?? 0;
      readers.push({ user, acked: Math.max(start, await cursors.ofUser(user.key as UserKey, log, last.epoch)) });
    }
    await Promise.all(
      entries.map(async (entry) => {
        const pending = pendingOf(readers, entry);
        if (pending.length === 0) return;
        const expired = entry.expiresAt !== 0 && entry.expiresAt <= clock.now();
        await deadLetters.add(expired ? "expired" : "undeliverable", entry, pending);
        buried += 1;
      }),
    );
    from = last.seq;
  }
  return buried;
}

/** Ends the log: everything in it is accounted for. */
async function empty({ engine, accounts }: Services, log: LogName): Promise<void> {
  await engine.trim(log, (await accounts.settle(log)) + 1);
}
