/**
 * What a run sends and what it gets, as the book (`book.ts`) keeps them. Users are named by their folded name, which is
 * also the name of their log.
 */
import type { Body } from "./log-file.ts";

export interface SentMessage {
  readonly clientId: string;
  readonly sender: string;
  /** The log it is for: the room's, or the addressee's. */
  readonly log: string;
  /** Line of the file: what one sender says has ascending lines. */
  readonly line: number;
  readonly body: Body;
  readonly type: string | undefined;
}

/** As it came out of the client library. */
export interface DeliveredMessage {
  readonly log: string;
  readonly epoch: string;
  readonly seq: number;
  readonly from: string;
  readonly clientId: string | undefined;
  readonly type: string | undefined;
  readonly body: string;
  readonly encoding: "base64" | undefined;
  readonly bytes: Uint8Array;
}

export interface LogPosition {
  readonly log: string;
  readonly epoch: string;
  readonly seq: number;
}

/** Whether what arrived is, byte for byte, what was sent. */
export function isUnaltered(sent: SentMessage, delivered: DeliveredMessage): boolean {
  if (delivered.from.toLowerCase() !== sent.sender || delivered.type !== sent.type) return false;
  if (typeof sent.body === "string") return delivered.encoding === undefined && delivered.body === sent.body;
  return delivered.encoding === "base64" && Buffer.compare(delivered.bytes, sent.body) === 0;
}
