/**
 * A message as it is stored: one JSON object without `log` and `seq`, which its place in a log adds. Made once, on the
 * way in; from then on the text is spliced, not built again. Hot path.
 */
import { hash } from "node:crypto";
import type { ClientMessages, StoredMessage } from "@parley/protocol";
import type { EntryWriter } from "../engine/entry.ts";

/** What a gateway knows of a send because it has just read it. */
export interface AsRead {
  /** Whether JSON writes the body as it is: no quotes, backslashes, control characters, halves of surrogate pairs. */
  readonly isPlain: boolean;
  /** What `writer` writes of the message, if by their registered names `from` sends it to `to`. */
  readonly frame: string | undefined;
  readonly from: string;
  readonly to: string;
  readonly writer: EntryWriter;
}

/** Where a send has that. A symbol: no peer can say it. */
export const asRead = Symbol("as read");

export type Send = ClientMessages["send"] & { readonly [asRead]?: AsRead };

/** The content of a send as JSON fields, without braces: what idempotency compares (PROTOCOL.md, "Sending"). */
export function encodeContent(send: Send): string {
  const { encoding, contentType, type, body } = send;
  let text = send[asRead]?.isPlain ? `"body":"${body}"` : `"body":${JSON.stringify(body)}`;
  if (encoding !== undefined) text += `,"encoding":"base64"`;
  if (contentType !== undefined) text += `,"contentType":${JSON.stringify(contentType)}`;
  if (type !== undefined) text += `,"type":${JSON.stringify(type)}`;
  return text;
}

/** A digest of a send's content and recipients, to tell a repeat from a reuse of its `clientId`. */
export function digestOf(to: string, content: string): string {
  return hash("sha256", `${to},${content}`, "base64url").slice(0, 22);
}

export interface Envelope {
  readonly id: string;
  readonly from: string;
  /** JSON: a string or an array of strings. */
  readonly to: string;
  readonly ts: number;
  readonly expiresAt: number;
  readonly clientId: string | undefined;
  readonly receipt: boolean;
}

/** Where `encodePayload` puts the id, a UUID. */
const idAt = '{"id":"'.length;
const idLength = 36;
const receiptEnd = ',"receipt":true}';

/** Most messages share their time with the one before, and its text. */
let lastTs = Number.NaN;
let tsField = "";

/** The payload of a message: `StoredMessage` as JSON. */
export function encodePayload({ id, from, to, ts, expiresAt, clientId, receipt }: Envelope, content: string): string {
  if (ts !== lastTs) {
    lastTs = ts;
    tsField = `,"ts":${ts},`;
  }
  // Names need no escaping: their rule allows no character that JSON escapes.
  let text = `{"id":"${id}","from":"${from}","to":${to}${tsField}${content}`;
  if (clientId !== undefined) text += `,"clientId":${JSON.stringify(clientId)}`;
  if (expiresAt !== 0) text += `,"expiresAt":${expiresAt}`;
  return text + (receipt ? receiptEnd : "}");
}

export function parsePayload(payload: string): StoredMessage {
  return JSON.parse(payload) as StoredMessage;
}

/** The message's id, without parsing it. */
export function messageIdOf(payload: string): string {
  return payload.slice(idAt, idAt + idLength);
}

/** Whether the sender asked for receipts. Unescaped quotes cannot come from within a body. */
export function wantsReceipt(payload: string): boolean {
  return payload.endsWith(receiptEnd);
}

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Whether `body` is base64 with padding (RFC 4648, section 4). */
export function isBase64(body: string): boolean {
  return body.length % 4 === 0 && base64.test(body);
}
