/**
 * Who is to read a log, and what of it has reached nobody yet: decides whether an entry that goes leaves a dead letter
 * (P5). Asked by retention, and by sessions that meet an expired entry.
 */
import { everyone, type LogName, parseUser, type RoomKey, type UserKey } from "@parley/protocol";
import type { Entry } from "../engine/entry.ts";
import type { Cursors } from "./cursors.ts";
import type { Directory, User } from "./directory.ts";
import { parsePayload } from "./message.ts";

export interface LogReader {
  readonly user: User;
  /** The furthest that any device of the user has acknowledged, or where the log began for the user. */
  readonly acked: number;
  /** Where the log began for the user. */
  readonly start: number;
}

export class Readers {
  readonly #directory: Directory;
  readonly #cursors: Cursors;

  constructor(directory: Directory, cursors: Cursors) {
    this.#directory = directory;
    this.#cursors = cursors;
  }

  /** All who are to read the log. Rejects with `StorageUnavailable`. */
  async of(log: LogName, epoch: string): Promise<LogReader[]> {
    const readers: LogReader[] = [];
    for (const [user, start] of this.#usersOf(log)) {
      readers.push({ user, start, acked: Math.max(start, await this.#cursors.ofUser(user.key, log, epoch)) });
    }
    return readers;
  }

  /** Whether any device of the user has acknowledged the entry. Rejects with `StorageUnavailable`. */
  async hasAcked(user: User, { log, epoch, seq }: Entry): Promise<boolean> {
    return (await this.#cursors.ofUser(user.key, log, epoch)) >= seq;
  }

  *#usersOf(log: LogName): Iterable<readonly [user: User, start: number]> {
    const { users, rooms } = this.#directory;
    const own = users.get(log as UserKey);
    if (own) yield [own, 0];
    if (log === everyone.key) for (const user of users.values()) yield [user, user.everyoneSeq];
    const room = rooms.get(log as RoomKey);
    for (const user of room?.members.values() ?? []) yield [user, user.rooms.get(log as RoomKey)?.seq ?? 0];
  }
}

/** Those of `readers` for whom `entry` was meant and who have not acknowledged it. What one sent to others one has. */
export function pendingOf(readers: readonly Pick<LogReader, "user" | "acked">[], entry: Entry): User[] {
  const unacked = readers.filter(({ acked }) => acked < entry.seq);
  if (unacked.length === 0) return [];
  const { from, to } = parsePayload(entry.payload);
  const sender = parseUser(from);
  const key = sender.ok ? sender.value.key : undefined;
  const toSelf = entry.log === key && [to].flat().includes(from);
  return unacked.map(({ user }) => user).filter((user) => user.key !== key || toSelf);
}
