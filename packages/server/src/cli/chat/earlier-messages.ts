/**
 * What was said before: the end of the logs that a conversation is about. On entry it is cut off at the device's
 * positions, because what lies behind them is about to be delivered, and shown then.
 */
import type { Client, Position, StoredMessage } from "@parley/client";
import { parseAddress } from "@parley/protocol";

/** A user may be in thousands of rooms; the newest lines of so many logs are enough. */
const maxLogs = 20;

export interface EarlierQuery {
  readonly self: string;
  /** With whom; undefined means everybody and every room. */
  readonly recipient: string | undefined;
  readonly count: number;
}

/** The last messages in order of time. Those after a log's position in `upTo` are left out. */
export async function earlierMessages(
  client: Client,
  { self, recipient, count }: EarlierQuery,
  upTo: readonly Position[] = [],
): Promise<StoredMessage[]> {
  if (count === 0) return [];
  const address = recipient === undefined ? undefined : parseAddress(recipient);
  const kind = address?.ok ? address.value.kind : undefined;
  const logs =
    kind === undefined ? client.positions.map(({ log }) => log) : [kind === "user" ? self : (recipient ?? self)];
  const partner = kind === "user" && recipient !== undefined ? { with: recipient } : {};
  const pages = await Promise.all(
    logs.slice(0, maxLogs).map((log) => {
      const end = upTo.find((position) => position.log === keyOf(log));
      return client.history(log, { limit: count, ...partner, ...(end ? { before: end.seq + 1 } : {}) });
    }),
  );
  // A message to several addresses is in several logs.
  const byId = new Map(pages.flatMap(({ messages }) => messages).map((message) => [message.id, message]));
  return [...byId.values()].sort((one, other) => one.ts - other.ts || one.seq - other.seq).slice(-count);
}

function keyOf(log: string): string {
  const address = parseAddress(log);
  return address.ok ? address.value.key : log;
}
