/** Which logs a user reads, and from where, where nobody brought a position. */
import { everyone, type LogName, type RoomKey } from "@parley/protocol";
import type { CursorPosition } from "./cursors.ts";
import type { User } from "./directory.ts";
import type { Topic } from "./hub.ts";

/** The logs that are a user's to read, as far as its rights go. */
export function readableBy({ key, rooms }: User): LogName[] {
  return [key, ...rooms.keys(), everyone.key];
}

/** Where a device without a position of its own starts: its cursor, or the user's, or where the log began for the user. */
export function startOf(user: User, topic: Topic, cursor: CursorPosition | undefined): number {
  const membership = user.rooms.get(topic.log as RoomKey);
  // A cursor below it is of an earlier membership.
  const joined = membership?.epoch === topic.epoch ? membership.seq : 0;
  if (cursor?.epoch === topic.epoch) return Math.min(Math.max(cursor.seq, joined), topic.tail);
  return Math.min(topic.log === everyone.key ? user.everyoneSeq : joined, topic.tail);
}
