/** `device-text`: what a device may say, and what it is told (docs/gateways/device-text.md). Hot path. */
import type { Entry } from "../../engine/entry.ts";
import { render } from "../rendering.ts";

/** One line of three fields: `send,100000001,hello`. */
export interface DeviceCommand {
  readonly verb: string;
  /** The id of a device, a user's name, `#room` or `*`. */
  readonly to: string;
  readonly text: string;
}

/** What a device is told where it did not get what it asked for. The first four are the original's words. */
export const answers = {
  duplicate: "Duplicate message",
  notConnected: "Invalid destinationId",
  unknownVerb: "Invalid Command",
  unreadable: "Error reading the command",
  tooLong: "Message too long",
  notMember: "Not a member of this room",
  notAllowed: "Not allowed",
  unavailable: "Temporarily unavailable",
  tokenNeeded: "Token required",
  badToken: "Invalid token",
  tokenExpired: "Token expired",
  tokenRevoked: "Token revoked",
} as const;

/** The answer to a message that the core did not take, by its error code. */
export function answerTo(code: string): string {
  if (code === "too_large") return answers.tooLong;
  if (code === "not_member") return answers.notMember;
  if (code === "forbidden") return answers.notAllowed;
  return code === "storage_unavailable" || code === "internal" || code === "inbox_full"
    ? answers.unavailable
    : answers.unreadable;
}

/** What a device is told before it is let go, where it needs a token; undefined: the close code says it. */
export function farewell(code: string): string | undefined {
  if (code === "hello_timeout") return answers.tokenNeeded;
  if (code === "token_expired") return answers.tokenExpired;
  if (code === "revoked") return answers.tokenRevoked;
  return code === "unauthorized" || code === "forbidden" ? answers.badToken : undefined;
}

/** The token of a line `token,TOKEN`; undefined: it is no such line. */
export function parseTokenLine(line: string): string | undefined {
  return /^\s*token\s*,(.*)$/s.exec(line)?.[1]?.trim();
}

/** Reads a line. `help` is itself; undefined: it has fewer than three fields. */
export function parseDeviceLine(line: string): "help" | DeviceCommand | undefined {
  if (line === "help") return line;
  const first = line.indexOf(",");
  const second = line.indexOf(",", first + 1);
  if (second === -1) return undefined;
  return {
    verb: line.slice(0, first).trim(),
    to: line.slice(first + 1, second).trim(),
    text: line.slice(second + 1),
  };
}

/** A whole number without what makes no difference to its value; undefined: the text is none. */
export function parseNumber(text: string): string | undefined {
  const [, sign, digits] = /^([+-]?)(\d+)$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  return (sign === "-" ? sign : "") + digits.replace(/^0+(?=\d)/, "");
}

/** The greeting, and the answer to `help`. */
export function encodeInfo(id: string, connected: readonly string[]): string {
  return `Your ID: ${id}\nConnected Devices: \n[${connected.join(", ")}]\nChat usage: send,destinationId,msg`;
}

export function encodeDeviceMessage(entry: Entry): string {
  const { from, text } = render(entry);
  return `${from}:${text}`;
}
