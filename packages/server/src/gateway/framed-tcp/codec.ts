/**
 * `framed-tcp`: the two forms of a payload, and what a message looks like in each (docs/gateways/framed-tcp.md). A
 * frame's bytes are `length-prefix.ts` and the protocol's `FrameDecoder`. Hot path.
 */
import type { Entry } from "../../engine/entry.ts";
import { encodeOne } from "../frames.ts";
import { lengthPrefix } from "../length-prefix.ts";
import { type Rendered, render } from "../rendering.ts";

/** The room that everybody is in. */
export const lobby = "#lobby";

/** How a client writes, and is answered. */
export type Form = "structured" | "plain";

export type Said =
  | { readonly kind: "chat"; readonly text: string }
  /** `name` without its slash, in lower case. */
  | { readonly kind: "command"; readonly name: string; readonly value: string };

export interface Payload {
  readonly form: Form;
  readonly said: Said;
}

/** Reads one payload. What has not the shape of a structured one is plain, so nothing is wrong. */
export function parsePayload(text: string): Payload {
  const structured = parseStructured(text);
  return structured ? { form: "structured", said: structured } : { form: "plain", said: parsePlain(text) };
}

function parseStructured(text: string): Said | undefined {
  if (!text.trimStart().startsWith("{")) return undefined;
  let fields: Readonly<Record<string, unknown>>;
  try {
    fields = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { type, text: line, cmd, value } = fields;
  if (type === "chat" && typeof line === "string") return { kind: "chat", text: line };
  if (type === "command" && typeof cmd === "string") return command(cmd, typeof value === "string" ? value : "");
  return undefined;
}

const plainCommand = /^\/(\S+)\s*(.*)$/s;

function parsePlain(text: string): Said {
  const [, name, value = ""] = plainCommand.exec(text) ?? [];
  return name === undefined ? { kind: "chat", text } : command(name, value);
}

function command(name: string, value: string): Said {
  return { kind: "command", name: name.trim().replace(/^\//, "").toLowerCase(), value };
}

/** The name that the core posts by, and that lines of the server itself bear. */
const server = "server";

/** A line of the server itself, for one connection. */
export function systemLine(form: Form, text: string): string {
  return form === "plain"
    ? `${server}: ${text}`
    : `{"type":"system","username":"${server}","text":${JSON.stringify(text)}}`;
}

/** What everybody is told when somebody has a new name. */
export function renameLine(before: string, now: string): string {
  return `${before} is now ${now}`;
}

/** Whether a message is such a line about the new name `now`. Unescaped quotes cannot come from within a body. */
export function isRenameTo(now: string, { payload }: Entry): boolean {
  return payload.includes(`"from":"${server}",`) && payload.includes(` is now ${now}"`);
}

/** A message as one payload. */
export function encodeMessage(form: Form, entry: Entry): string {
  const message = render(entry);
  return form === "plain" ? `${message.from}: ${message.text}` : encodeStructured(message);
}

function encodeStructured({ from, to, isRoom, text, isBinary }: Rendered): string {
  const type = from === server ? "system" : "chat";
  const room = isRoom && to.toLowerCase() !== lobby ? `,"room":"${to}"` : "";
  const privately = isRoom || to === "*" ? "" : `,"private":true`;
  const encoding = isBinary ? `,"encoding":"base64"` : "";
  // Names need no escaping: their rule allows no character that JSON escapes.
  return `{"type":"${type}","username":"${from}","text":${JSON.stringify(text)}${room}${privately}${encoding}}`;
}

/** A message as a whole frame that connections of that form share. */
export const encodeShared: { readonly [F in Form]: (entry: Entry) => Buffer } = {
  structured: (entry) => encodeOne(encodeMessage("structured", entry), lengthPrefix),
  plain: (entry) => encodeOne(encodeMessage("plain", entry), lengthPrefix),
};
