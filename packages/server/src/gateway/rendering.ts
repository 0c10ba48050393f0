/**
 * What the gateways of protocols that know only names and texts show of a message, decided once for all of them
 * (docs/gateways/README.md, "What a protocol has no words for").
 */

import type { StoredMessage } from "@parley/protocol";
import { foldName } from "@parley/protocol";
import { parsePayload } from "../core/message.ts";
import type { Entry } from "../engine/entry.ts";

/** A message as a reader of its log sees it. */
export interface Rendered {
  readonly id: string;
  /** The sender's name. */
  readonly from: string;
  /** The address by which this reader got it: the own name, a room with its `#`, or `*`. */
  readonly to: string;
  readonly isRoom: boolean;
  /** The body as text: base64 where it is binary. */
  readonly text: string;
  readonly isBinary: boolean;
}

export function render({ log, payload }: Entry): Rendered {
  const { id, from, to, body, encoding } = parsePayload(payload);
  const isBinary = encoding === "base64";
  return { id, from, to: addressee(to, log), isRoom: log.startsWith("#"), text: body, isBinary };
}

/** Where `encodePayload` puts the sender: after the id, a UUID. */
const fromAt = `{"id":"${"-".repeat(36)}",`.length;
const fromField = '"from":"';
const nameAt = fromAt + fromField.length;
const bodyField = ',"body":';

/** Parts of a message's JSON, for protocols that say the same in JSON of their own. */
export interface Spliced {
  /** `"from":"…","to":"…"`. */
  readonly addresses: string;
  /** The text, as a JSON string. */
  readonly text: string;
}

/**
 * The parts of a message to one address whose body is text without escapes, which most are; undefined: it is another, to be
 * rendered. Five times as fast as parsing it and building it anew. Hot path.
 */
export function splice({ payload }: Entry): Spliced | undefined {
  if (!payload.startsWith(fromField, fromAt)) return undefined;
  // Names need no escaping, so a quote ends them.
  const toAt = payload.indexOf(',"to":', fromAt) + ',"to":'.length;
  if (payload.charCodeAt(toAt) !== quote) return undefined;
  const toEnd = payload.indexOf('"', toAt + 1) + 1;
  const bodyAt = payload.indexOf(bodyField, toEnd) + bodyField.length;
  const bodyEnd = payload.indexOf('"', bodyAt + 1) + 1;
  if (payload.charCodeAt(bodyEnd - 2) === backslash || payload.startsWith(',"encoding"', bodyEnd)) return undefined;
  return { addresses: payload.slice(fromAt, toEnd), text: payload.slice(bodyAt, bodyEnd) };
}

const quote = 0x22;
const backslash = 0x5c;

/** Of the addresses that a message was sent to, the one whose log this is, as it was registered. */
function addressee(to: StoredMessage["to"], log: string): string {
  if (typeof to === "string") return to;
  return to.find((name) => name === log || foldName(name) === log) ?? log;
}

/** Whose messages a connection shows, and since when it speaks for that user. */
export interface Viewer {
  readonly user: { readonly key: string; readonly name: string };
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/**
 * Whether the entry is what the viewer said itself: the copy of a message that it sent to others from another device, or
 * one to a room or `*` from an earlier connection. These protocols have no words for the former, and people who come back
 * do not expect to hear from themselves.
 */
export function isOwn({ log, payload }: Entry, viewer: Viewer): boolean {
  const { key, name } = viewer.user;
  if (!payload.startsWith(name, nameAt) || payload.charCodeAt(nameAt + name.length) !== quote) return false;
  const { from, to, ts } = parsePayload(payload);
  if (from !== name) return false;
  return log === key ? ![to].flat().includes(name) : ts < viewer.since;
}
