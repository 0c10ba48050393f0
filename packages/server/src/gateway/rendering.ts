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

/** Of the addresses that a message was sent to, the one whose log this is, as it was registered. */
function addressee(to: StoredMessage["to"], log: string): string {
  if (typeof to === "string") return to;
  return to.find((name) => name === log || foldName(name) === log) ?? log;
}

/** Whose messages a connection shows, and since when it speaks for that user. */
export interface Viewer {
  readonly key: string;
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/**
 * Whether the entry is what the viewer said itself: the copy of a message that it sent to others from another device, or
 * one to a room or `*` from an earlier connection. These protocols have no words for the former, and people who come back
 * do not expect to hear from themselves.
 */
export function isOwn({ log, payload }: Entry, viewer: Viewer): boolean {
  if (!payload.includes(`"from":"${viewer.name}","to":`)) return false;
  const { from, to, ts } = parsePayload(payload);
  if (from !== viewer.name) return false;
  return log === viewer.key ? ![to].flat().includes(viewer.name) : ts < viewer.since;
}
