/**
 * What a load generator has to know of a protocol. A dialect is one protocol as one kind of client speaks it; bodies are
 * ASCII, `bodyBytes` long, begin with a stamp of fixed length and end with `~`.
 */
import type { Link, LinkEvents } from "./link.ts";

export const bodyBytes = 100;
/** The time of sending, in microseconds, in so many digits after `stampMark`. */
export const stampMark = "@@";
export const stampDigits = 16;

/** A body that carries the time of sending, in milliseconds. */
export function bodyOf(timeMs: number): string {
  const stamp = Math.round(timeMs * 1000)
    .toString()
    .padStart(stampDigits, "0");
  return `${stampMark}${stamp}`.padEnd(bodyBytes - 1, "x").concat("~");
}

/** The last byte of every body. */
export const bodyEnd = "~".charCodeAt(0);

/** One user's connection, logged in. */
export interface Conversation {
  readonly link: Link;
  /** The bytes of so many sends, built beforehand where the protocol allows it; `body` is the same in all. */
  sends(to: string, count: number, body?: string): Buffer;
}

export interface Dialect {
  /** What frees a place among the messages in flight: the server's answer to the sender, or that the receiver has it. */
  readonly freedBy: "answer" | "delivery";
  /** Connects and logs `user` in; from then on `events` are told. */
  join(port: number, user: string, events: LinkEvents): Promise<Conversation>;
  /** Makes the users members of a room, where that is needed before anybody speaks there, and returns its address. */
  room(users: readonly string[], ports: Readonly<Record<string, number>>): Promise<string>;
}

/** Frames that are the same each time: copies of one that was built once. */
export function repeated(build: (to: string, body: string) => Buffer): Conversation["sends"] {
  const built = new Map<string, Buffer>();
  return (to, count, body) => {
    if (body !== undefined) return build(to, body);
    const key = `${count} ${to}`;
    let bytes = built.get(key);
    if (!bytes) {
      bytes = Buffer.concat(Array.from({ length: count }, () => build(to, bodyOf(0))));
      built.set(key, bytes);
    }
    return bytes;
  };
}
