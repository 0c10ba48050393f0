/**
 * A message as it is stored: one JSON object without `log` and `seq`, which its place in a log adds. Made once, on the
 * way in; from then on the text is spliced, not built again. Hot path.
 */
import { hash } from "node:crypto";
import type { ClientMessages, StoredMessage } from "@parley/protocol";

type Send = ClientMessages["send"];

/** The content of a send as JSON fields, without braces: what idempotency compares (PROTOCOL.md, "Sending"). */
export function encodeContent({ encoding, contentType, type, body }: Send): string {
  let text = `"body":${JSON.stringify(body)}`;
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

/** The payload of a message: `StoredMessage` as JSON. */
export function encodePayload({ id, from, to, ts, expiresAt, clientId, receipt }: Envelope, content: string): string {
  // Names need no escaping: their rule allows no character that JSON escapes.
  let text = `{"id":"${id}","from":"${from}","to":${to},"ts":${ts},${content}`;
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
