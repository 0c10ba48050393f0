/**
 * What a load generator has to know of a protocol. A dialect is one protocol as one kind of client speaks it. Bodies are of
 * ASCII that needs no escape in JSON and end with `~`; those that are sent unless another is given have `bodyBytes`.
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
  /** Connects and logs `user` in; from then on `events` are told. Names of those who receive in a room begin with `r`. */
  join(port: number, user: string, events: LinkEvents): Promise<Conversation>;
  /** Connects and logs in somebody for whom messages wait: these are counted too. Only where the server keeps messages. */
  comeBack?(port: number, user: string, events: LinkEvents): Promise<Link>;
  /** Makes the users members of a room, where that is needed before anybody speaks there, and returns its address. */
  room(name: string, users: readonly string[], ports: Readonly<Record<string, number>>): Promise<string>;
}

/** A number that each message has of its own. */
export interface Numbering {
  /** Where it is in a message's bytes. */
  find(message: Buffer): number;
  /** Writes the next one there. */
  write(bytes: Buffer, at: number): void;
}

/** Sends that are alike but for whom they are to: the bytes of one are built once, and those of many are copies of them. */
export function copied(build: (to: string, body: string) => Buffer, numbering?: Numbering): Conversation["sends"] {
  const templates = new Map<string, Template>();
  const body = bodyOf(0);
  return (to, count, given) => {
    if (given !== undefined) return new Template(build(to, given), numbering).copies(count);
    let template = templates.get(to);
    if (!template) {
      template = new Template(build(to, body), numbering);
      templates.set(to, template);
    }
    return template.copies(count);
  };
}

class Template {
  readonly #message: Buffer;
  readonly #numbering: Numbering | undefined;
  readonly #numberAt: number;
  /** Without numbers the copies are the same each time: by how many there are. */
  readonly #same: Buffer[] = [];

  constructor(message: Buffer, numbering: Numbering | undefined) {
    this.#message = message;
    this.#numbering = numbering;
    this.#numberAt = numbering?.find(message) ?? 0;
  }

  copies(count: number): Buffer {
    const same = this.#same[count];
    if (same) return same;
    const { length } = this.#message;
    const bytes = Buffer.allocUnsafe(count * length);
    for (let start = 0; start < bytes.length; start += length) {
      this.#message.copy(bytes, start);
      this.#numbering?.write(bytes, start + this.#numberAt);
    }
    if (!this.#numbering) this.#same[count] = bytes;
    return bytes;
  }
}
