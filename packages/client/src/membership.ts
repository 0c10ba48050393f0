/** Joining and leaving rooms. A room that is being left is still handed out what was delivered before. Used by the client. */
import { type Position, parseRoom } from "@parley/protocol";
import { ParleyError } from "./errors.ts";
import type { Parts } from "./parts.ts";
import type { Requests } from "./requests.ts";

/** Becomes a member; resolves with the position after which messages are delivered. Rejects with `ParleyError`. */
export async function join(requests: Requests, room: string): Promise<Position> {
  const { positions = [] } = await requests.ask<"join">({ op: "join", room });
  const position = positions[0];
  if (!position) throw new ParleyError("bad_answer", "the answer to a join has no position");
  return position;
}

/** Ends the membership; `forget` is then called with the room's log. Rejects with `ParleyError`. */
export async function leave(
  { requests, cursors }: Pick<Parts, "requests" | "cursors">,
  room: string,
  forget: (log: string) => void,
): Promise<void> {
  const address = parseRoom(room);
  const log = address.ok ? address.value.key : room;
  const cursor = cursors.get(log);
  if (cursor) cursor.leaving = true;
  try {
    await requests.ask<"leave">({ op: "leave", room });
    forget(log);
  } finally {
    if (cursor) cursor.leaving = false;
  }
}
