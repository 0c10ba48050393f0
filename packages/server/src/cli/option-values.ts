/**
 * Checks what stands on the command line, before anything is done. Each parser takes the text as typed and returns the
 * value, or throws commander's `InvalidArgumentError`, which ends the command with exit code 2.
 */
import { readFileSync } from "node:fs";
import { parseAddress, parseDevice, parseRoom, parseUser, type Result } from "@parley/protocol";
import { InvalidArgumentError } from "commander";
import { printable } from "./printable.ts";

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const schemes: ReadonlySet<string> = new Set(["ws:", "wss:", "tcp:", "tls:"]);

export function userName(text: string): string {
  return checked(parseUser(text), text);
}

export function deviceName(text: string): string {
  return checked(parseDevice(text), text);
}

export function roomName(text: string): string {
  return checked(parseRoom(text), text);
}

/** For an option that may be given several times. */
export function roomNames(text: string, before: readonly string[] = []): string[] {
  return [...before, roomName(text)];
}

/** A user, a `#room` or `*`. */
export function address(text: string): string {
  return checked(parseAddress(text), text);
}

/** One address, or several with commas between (which no name has). */
export function addresses(text: string): string | readonly string[] {
  return text.includes(",") ? text.split(",").map(address) : address(text);
}

export function serverUrl(text: string): string {
  if (URL.canParse(text) && schemes.has(new URL(text).protocol) && new URL(text).hostname !== "") return text;
  throw new InvalidArgumentError("A server's address begins with ws://, wss://, tcp:// or tls://.");
}

/** A PEM file of authorities, read. */
export function authorities(file: string): string {
  try {
    const text = readFileSync(file, "utf8");
    if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  } catch (error) {
    throw new InvalidArgumentError(`It cannot be read: ${printable((error as Error).message)}.`);
  }
  throw new InvalidArgumentError("It has no certificate in PEM.");
}

export function positiveNumber(text: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number > 0) return number;
  throw new InvalidArgumentError("It has to be a whole number above 0.");
}

export function wholeNumber(text: string): number {
  return text === "0" ? 0 : positiveNumber(text);
}

/** `500ms`, `30s`, `5m`, `12h`, `7d`, in milliseconds. */
export function duration(text: string): number {
  const [, number = "", unit = ""] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? [];
  const ms = Number(number) * (unitMs[unit] ?? 0);
  if (ms > 0 && Number.isSafeInteger(ms)) return ms;
  throw new InvalidArgumentError("A duration is a number with its unit: 500ms, 30s, 5m, 12h, 7d.");
}

function checked(result: Result<unknown>, text: string): string {
  if (result.ok) return text;
  throw new InvalidArgumentError(`${printable(result.fault.message)}.`);
}
