/** `peer-json`: the two things a peer may say, and what it is told (docs/gateways/peer-json.md). Hot path. */
import { fail, ok, type Result } from "@parley/protocol";
import type { AsRead } from "../../core/message.ts";
import type { Entry } from "../../engine/entry.ts";
import { render, splice } from "../rendering.ts";

export type PeerMessage = { readonly kind: "login"; readonly user: string; readonly token?: string } | PeerSend;

/** A text that somebody sends to somebody. */
export interface PeerSend extends AsRead {
  readonly kind: "send";
  readonly text: string;
}

/** A send as most clients write it, with or without spaces, and no escapes in it: taken apart faster than by `JSON.parse`. */
const plainSend =
  /^\{ ?"from": ?"([ !#-[\]-\uffff]*)", ?"to": ?"([ !#-[\]-\uffff]*)", ?"msg": ?"([ !#-[\]-\uffff]*)"\}$/;

/** What such a send has beside the three texts, where it has no spaces. */
const markLength = '{"from":"","to":"","msg":""}'.length;

/** Reads one text message. Faults: `bad_json`, `bad_message`. */
export function parsePeerMessage(text: string): Result<PeerMessage> {
  const plain = plainSend.exec(text);
  if (plain) {
    // Not taken apart as a list: that makes an iterator for each message.
    const from = plain[1] as string;
    const to = plain[2] as string;
    const msg = plain[3] as string;
    // Without spaces it is as this protocol tells it.
    const isAsTold = text.length === from.length + to.length + msg.length + markLength;
    const frame = isAsTold ? text : undefined;
    return ok({ kind: "send", from, to, text: msg, isPlain: true, frame, writer: encodePeerMessage });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail("bad_json", "this is not JSON");
  }
  const { login, token, from, to, msg } = (typeof value === "object" && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  if (typeof from === "string" && typeof to === "string" && typeof msg === "string")
    return msg.isWellFormed()
      ? ok({ kind: "send", from, to, text: msg, isPlain: false, frame: undefined, writer: encodePeerMessage })
      : fail("bad_message", '"msg" has half of a surrogate pair in it');
  if (typeof login === "string")
    return ok({ kind: "login", user: login, ...(typeof token === "string" ? { token } : {}) });
  return fail("bad_message", 'expected {"login": "name"} or {"from": "name", "to": "name", "msg": "text"}');
}

export function encodePeerMessage(entry: Entry): string {
  const spliced = splice(entry);
  if (spliced) return `{${spliced.addresses},"msg":${spliced.text}}`;
  const { from, to, text, isBinary } = render(entry);
  const encoding = isBinary ? `,"encoding":"base64"` : "";
  // Names need no escaping: their rule allows no character that JSON escapes.
  return `{"from":"${from}","to":"${to}","msg":${JSON.stringify(text)}${encoding}}`;
}
