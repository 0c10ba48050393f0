/**
 * Who says something to whom and when, and what it says, as printable text: the one form that `history` and `chat`
 * share. Knows nothing of rows and columns.
 */
import type { StoredMessage } from "@parley/client";
import { parseUser } from "@parley/protocol";
import { printable, printableLines } from "./printable.ts";

/** Longest body shown to people, in UTF-16 units; JSON output has all of it. */
const maxShown = 16_384;

/** What there is to show about a message, own or received. */
export type Showable = Pick<StoredMessage, "from" | "to" | "body" | "encoding" | "contentType" | "type" | "ts">;

/** `bob` for what came to `self` alone, `bob → #general` for everything else. */
export function correspondents(message: Showable, self: string): string {
  const { from, to } = message;
  const addresses = typeof to === "string" ? [to] : to;
  if (addresses.every((address) => isSameUser(address, self))) return printable(from);
  return `${printable(from)} → ${printable(addresses.join(", "))}`;
}

/** The lines of a body; for what is not text, one line that says so. */
export function bodyLines({ body, encoding, contentType, type }: Showable): string[] {
  const kind = type === undefined ? "" : `(${printable(type)}) `;
  if (encoding === "base64") return [`${kind}[${base64Bytes(body)} bytes of ${printable(contentType)}]`];
  const label = contentType === "text/plain" ? kind : `${kind}[${printable(contentType)}] `;
  const lines = printableLines(body.length > maxShown ? body.slice(0, maxShown) : body);
  if (body.length > maxShown)
    lines.push(`[… ${body.length - maxShown} more characters: see \`parley history --json\`]`);
  return [`${label}${lines[0]}`, ...lines.slice(1)];
}

/** Whether two spellings name one user. */
export function isSameUser(one: string, other: string): boolean {
  const [first, second] = [parseUser(one), parseUser(other)];
  return first.ok && second.ok && first.value.key === second.value.key;
}

function base64Bytes(body: string): number {
  return Math.floor((body.length * 3) / 4) - (body.endsWith("==") ? 2 : body.endsWith("=") ? 1 : 0);
}
