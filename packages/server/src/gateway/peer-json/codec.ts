/** `peer-json`: the two things a peer may say, and what it is told (docs/gateways/peer-json.md). Hot path. */
import { fail, ok, type Result } from "@parley/protocol";
import type { Entry } from "../../engine/entry.ts";
import { render, splice } from "../rendering.ts";

export type PeerMessage =
  | { readonly kind: "login"; readonly user: string; readonly token?: string }
  | { readonly kind: "send"; readonly from: string; readonly to: string; readonly text: string };

/** A send as most clients write it, with or without spaces, and no escapes in it: taken apart faster than by `JSON.parse`. */
const plainSend =
  /^\{ ?"from": ?"([ !#-[\]-\uffff]*)", ?"to": ?"([ !#-[\]-\uffff]*)", ?"msg": ?"([ !#-[\]-\uffff]*)"\}$/;

/** Reads one text message. Faults: `bad_json`, `bad_message`. */
export function parsePeerMessage(text: string): Result<PeerMessage> {
  const plain = plainSend.exec(text);
  if (plain) {
    const [, from = "", to = "", msg = ""] = plain;
    return ok({ kind: "send", from, to, text: msg });
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
      ? ok({ kind: "send", from, to, text: msg })
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
