/** `{"username", "content"}`: what to tell whom, by `POST /message` or the Redis channel. Stored before it is answered. */
import { fail, ok, parseAddress, type Result } from "@parley/protocol";
import { type Actor, authorise } from "../../core/authorisation.ts";
import type { Core } from "../../core/core.ts";
import type { Posted } from "../../core/post.ts";

export interface Notification {
  /** A user, `#room` or `*`. */
  readonly username: string;
  readonly content: string;
}

/** Reads a JSON object; undefined is an empty body. Faults: `bad_utf8`, `bad_json`. */
export function parseObject(bytes: Uint8Array | undefined): Result<Readonly<Record<string, unknown>>> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return fail("bad_utf8", "the body is not UTF-8");
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return ok(value as Readonly<Record<string, unknown>>);
  } catch {
    return fail("bad_json", "the body is not JSON");
  }
  return fail("bad_json", "the body is not a JSON object");
}

/** Faults: `bad_utf8`, `bad_json`, `bad_message`. */
export function parseNotification(bytes: Uint8Array | undefined): Result<Notification> {
  const body = parseObject(bytes);
  if (!body.ok) return body;
  const { username, content } = body.value;
  if (typeof username === "string" && typeof content === "string" && content.isWellFormed())
    return ok({ username, content });
  return fail("bad_message", 'expected {"username": "name", "content": "text"}');
}

/**
 * Sends, and settles when the message is on disk. A receiver who is not known yet becomes known: what is for somebody who
 * will come some day waits. Faults: those of `core.post`. Rejects with `StorageUnavailable`.
 */
export async function notify(
  core: Core,
  { username, content }: Notification,
  from: Actor | "push",
): Promise<Result<Posted>> {
  const receiver = parseAddress(username);
  if (!receiver.ok) return receiver;
  if (receiver.value.kind === "user") {
    const allowed = from === "push" ? receiver : authorise(from, "send", receiver.value);
    if (!allowed.ok) return allowed;
    const known = await core.register(username);
    if (!known.ok) return known;
  }
  return core.post(from, { to: username, body: content, copy: false, durability: core.durability });
}
