/** `udp-agent`: what an agent may say in a datagram, and what the broker says (docs/gateways/udp-agent.md). */
import { parseUser, type UserAddress } from "@parley/protocol";
import { type Static, type TSchema, Type } from "typebox";
import { Compile } from "typebox/compile";
import type { Entry } from "../../engine/entry.ts";
import { render } from "../rendering.ts";

const text = Type.String();
const sender_username = text;
const message_text = text;
const group_name = text;
const names = Type.Array(text);

/** What the server gave the agent at login, where a token was needed for that. */
const session = Type.Optional(text);

/** `message_content` by `message_id`. */
const contents = {
  log_in: Type.Object({
    sender_username,
    sender_port: Type.Integer({ minimum: 1, maximum: 65_535 }),
    token: Type.Optional(text),
  }),
  log_out: Type.Object({ sender_username, session }),
  ping: Type.Object({ sender_username, session }),
  send_message: Type.Object({ sender_username, session, receiver_username: text, message_text }),
  multicast_message: Type.Object({ sender_username, session, receiver_usernames: names, message_text }),
  broadcast_message: Type.Object({ sender_username, session, message_text }),
  get_online_users: Type.Object({ sender_username, session }),
  get_user_list: Type.Object({ sender_username, session }),
  create_group: Type.Object({ sender_username, session, group_name, group_members: names }),
  group_message: Type.Object({ sender_username, session, group_name, message_text }),
};

type Contents = typeof contents;
/** A datagram of an agent; `sender` is its `sender_username`. */
export type AgentMessage = {
  [Id in keyof Contents]: { readonly id: Id; readonly sender: UserAddress; readonly content: Static<Contents[Id]> };
}[keyof Contents];

const validators = new Map(Object.entries<TSchema>(contents).map(([id, schema]) => [id, Compile(schema)]));
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads one datagram, whatever its bytes are. Undefined where they are not a message that an agent may send. */
export function parseDatagram(bytes: Uint8Array): AgentMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch {
    return undefined;
  }
  const { message_id: id, message_content: content } = (value ?? {}) as Record<string, unknown>;
  if (typeof id !== "string" || !validators.get(id)?.Check(content)) return undefined;
  const fields = content as AgentMessage["content"];
  if (!Object.values(fields).flat().every(isCarriable)) return undefined;
  const sender = parseUser(fields.sender_username);
  return sender.ok ? ({ id, sender: sender.value, content: fields } as AgentMessage) : undefined;
}

/** Half of a surrogate pair, which JSON can spell, has no UTF-8. */
function isCarriable(value: unknown): boolean {
  return typeof value !== "string" || value.isWellFormed();
}

function encode(id: string, content: object): Buffer {
  return Buffer.from(JSON.stringify({ message_id: id, message_content: content }));
}

/** A stored message: `group_message` from a room, else `receive_message`. */
export function encodeEntry(entry: Entry): Buffer {
  const { from, to, isRoom, text: message_text, isBinary } = render(entry);
  const content = {
    sender_username: from,
    ...(isRoom ? { group_name: to.slice(1) } : {}),
    message_text,
    ...(isBinary ? { encoding: "base64" } : {}),
  };
  return encode(isRoom ? "group_message" : "receive_message", content);
}

/** What the broker tells one agent. */
export function encodeNotice(message_text: string): Buffer {
  return encode("receive_message", { sender_username: "broker", message_text });
}

export function encodeLogOut(): Buffer {
  return encode("acknowledge_log_out", {});
}

const flagBytes = `,"truncated":true`.length;
const quotesAndComma = `"",`.length;

/**
 * A message with `user_list`: as many of `users`, from the first on, as fit into `maxBytes`, with `"truncated": true`
 * where they do not all fit. No more of `users` than that is looked at. `more` is said in any case.
 */
export function encodeUserList(
  id: "acknowledge_log_in" | "online_users" | "update_user_set",
  users: Iterable<string>,
  maxBytes: number,
  more: object = {},
): Buffer {
  const listed: string[] = [];
  let besideFlag = 0;
  let bytes = encode(id, { user_list: [], ...more }).length - ",".length;
  for (const name of users) {
    bytes += Buffer.byteLength(name) + quotesAndComma;
    if (bytes > maxBytes) {
      if (besideFlag > 0) return encode(id, { user_list: listed.slice(0, besideFlag), ...more, truncated: true });
      // For so few bytes the first name says more than the flag.
      return encode(id, { user_list: listed.slice(0, 1), ...more });
    }
    listed.push(name);
    if (bytes + flagBytes <= maxBytes) besideFlag = listed.length;
  }
  return encode(id, { user_list: listed, ...more });
}
