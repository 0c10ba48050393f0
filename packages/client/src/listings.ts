/** Who and what there is, page by page: users and rooms, as the server lists them. Asked for by the client. */
import type { Presence, ServerMessages } from "@parley/protocol";
import type { Requests } from "./requests.ts";

export interface ListingOptions {
  /** The `next` of the page before. */
  readonly after?: string;
  readonly limit?: number;
}

export interface UserPage {
  readonly users: readonly Presence[];
  /** Pass as `after` for the next page; undefined on the last. */
  readonly next: string | undefined;
}

export interface RoomPage {
  readonly rooms: ServerMessages["rooms"]["rooms"];
  /** Pass as `after` for the next page; undefined on the last. */
  readonly next: string | undefined;
}

/** Known users, or the members of a room, with their presence. Rejects with `ParleyError`. */
export async function readUsers(
  requests: Requests,
  options: ListingOptions & { readonly room?: string },
): Promise<UserPage> {
  const { users, next } = await requests.ask<"users">({ op: "users", ...options });
  return { users, next };
}

/** The rooms that there are. Rejects with `ParleyError`. */
export async function readRooms(requests: Requests, options: ListingOptions): Promise<RoomPage> {
  const { rooms, next } = await requests.ask<"rooms">({ op: "rooms", ...options });
  return { rooms, next };
}
