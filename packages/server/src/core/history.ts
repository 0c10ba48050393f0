/** Pages of a log, both ways (PROTOCOL.md, `history`): reads only, moves no cursor. What has expired is left out. */

import type { StoredMessage } from "@parley/protocol";
import {
  type ClientMessages,
  defaultPage,
  fail,
  type LogName,
  ok,
  parseAddress,
  parseUser,
  type Result,
  type UserKey,
} from "@parley/protocol";
import type { Direction, Engine } from "../engine/engine.ts";
import type { Entry } from "../engine/entry.ts";
import type { HistoryPage } from "./connection.ts";
import { parsePayload } from "./message.ts";

type History = ClientMessages["history"];

/** Entries that one request looks at, at most: with a filter a page may hold fewer messages than asked for. */
const maxScanned = 5000;
const readEntries = 500;
const maxPageBytes = 1024 * 1024;
const maxStreamedBytes = 256 * 1024;

export interface HistoryQuery {
  readonly log: LogName;
  readonly from: number;
  readonly direction: Direction;
  readonly limit: number;
  /** Which messages are wanted; undefined: all. */
  readonly filter: ((message: StoredMessage) => boolean) | undefined;
}

/** Checks a request's fields; whether the user may read the log is the caller's question. */
export function parseHistory(request: History): Result<HistoryQuery> {
  const address = parseAddress(request.log);
  if (!address.ok) return address;
  const { before, after, limit = defaultPage } = request;
  if (before !== undefined && after !== undefined)
    return fail("bad_message", 'history: "before" and "after" exclude each other');
  const other = request.with === undefined ? undefined : parseUser(request.with);
  if (other && !other.ok) return other;
  return ok({
    log: address.value.key,
    from: after ?? before ?? Number.MAX_SAFE_INTEGER,
    direction: after === undefined ? "backward" : "forward",
    limit,
    filter: other && ((message) => isBetween(message, other.value.key)),
  });
}

/** Reads the page. Rejects with `StorageUnavailable`. */
export async function readPage(
  engine: Engine,
  query: HistoryQuery,
  now: number,
): Promise<Pick<HistoryPage, "log" | "epoch" | "entries" | "next">> {
  const { log, direction, limit } = query;
  const { epoch } = await engine.head(log);
  const found: Entry[] = [];
  let { from } = query;
  let scanned = 0;
  let bytes = 0;
  for (;;) {
    const wanted = query.filter === undefined ? limit - found.length : readEntries;
    const entries = await engine.read(log, from, direction, wanted, maxPageBytes);
    for (const entry of entries) {
      if (found.length === limit || bytes > maxPageBytes) break;
      from = entry.seq;
      if (!isWanted(entry, query.filter, now)) continue;
      found.push(entry);
      bytes += entry.payload.length;
    }
    scanned += entries.length;
    const end = entries.length === 0;
    if (!end && found.length < limit && scanned < maxScanned && bytes <= maxPageBytes) continue;
    if (direction === "backward") found.reverse();
    return { log, epoch, entries: found, ...(end || (direction === "backward" && from <= 1) ? {} : { next: from }) };
  }
}

function isWanted({ expiresAt, payload }: Entry, filter: HistoryQuery["filter"], now: number): boolean {
  if (expiresAt !== 0 && expiresAt <= now) return false;
  return filter === undefined || filter(parsePayload(payload));
}

/** Whether the message is from that user or to it. */
function isBetween({ from, to }: StoredMessage, key: UserKey): boolean {
  return [from, ...(typeof to === "string" ? [to] : to)].some((name) => isUser(name, key));
}

/** Whether a name in a message is that user's. */
export function isUser(name: string, key: UserKey): boolean {
  const user = parseUser(name);
  return user.ok && user.value.key === key;
}

/**
 * All wanted entries after `after` and before `before`, in order, a bounded read at a time: whoever takes them decides how
 * fast. Rejects with `StorageUnavailable`.
 */
export async function* readAll(
  engine: Engine,
  {
    log,
    after,
    before,
    filter,
  }: Pick<HistoryQuery, "log" | "filter"> & { readonly after: number; readonly before: number },
  now: number,
): AsyncGenerator<Entry[]> {
  for (let from = after; ; ) {
    const entries = await engine.read(log, from, "forward", readEntries, maxStreamedBytes);
    const last = entries.at(-1);
    if (!last) return;
    yield entries.filter((entry) => entry.seq < before && isWanted(entry, filter, now));
    if (last.seq >= before - 1) return;
    from = last.seq;
  }
}
