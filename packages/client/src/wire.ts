/**
 * Reads what the server sends: JSON with a light structural check, because the validators of the protocol package are
 * too large for browsers. A frame that fails it is a fault of the connection, never skipped: skipping could lose a message.
 */
import type { ServerMessage } from "@parley/protocol";

const isString = (value: unknown): boolean => typeof value === "string";
const isSeq = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isArray = (value: unknown): boolean => Array.isArray(value);

/** The fields without which the client cannot act, by `op`. An `op` that is not here is of a newer server. */
const required: Readonly<Record<string, Readonly<Record<string, (value: unknown) => boolean>>>> = {
  welcome: { user: isString, device: isString, positions: isArray },
  ok: {},
  error: { code: isString, message: isString },
  live: {},
  gap: { log: isString, from: isSeq, to: isSeq },
  reset: { log: isString, epoch: isString, seq: isSeq },
  page: { log: isString, messages: isArray },
  receipt: { id: isString, user: isString },
  presence: { users: isArray },
  rooms: { rooms: isArray },
  pong: {},
  bye: { code: isString, message: isString },
};

/** A message, `undefined` for one that this version does not know, or `"bad"` for what is not of the protocol. */
export function parseServerText(text: string): ServerMessage | undefined | "bad" {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "bad";
  }
  if (typeof value !== "object" || value === null || !("op" in value) || typeof value.op !== "string") return "bad";
  if (value.op === "message") return isMessage(value) ? (value as unknown as ServerMessage) : "bad";
  if (!Object.hasOwn(required, value.op)) return undefined;
  for (const [field, check] of Object.entries(required[value.op] ?? {})) {
    if (!check((value as Record<string, unknown>)[field])) return "bad";
  }
  return value as ServerMessage;
}

function isMessage(value: { readonly op: unknown; log?: unknown; seq?: unknown; body?: unknown }): boolean {
  return typeof value.log === "string" && isSeq(value.seq) && typeof value.body === "string";
}
