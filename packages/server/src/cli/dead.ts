/** `parley dead …`: listing, showing, replaying and purging dead letters over a server's HTTP API. */
import { createInterface } from "node:readline/promises";
import type { Letter, LetterPage, Purged, Replayed } from "@parley/protocol";
import { type ApiAccess, askApi, type OperatorFlags, operatorAccess } from "./api-request.ts";
import { dateAndTime } from "./clock-text.ts";
import { complain } from "./complaint.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { jsonLine } from "./json-line.ts";
import { createLineWriter } from "./line-writer.ts";
import { bodyLines } from "./message-head.ts";
import { createPaint } from "./paint.ts";
import { printable } from "./printable.ts";

/** Which letters. */
export interface LetterFlags extends OperatorFlags {
  readonly reason?: string;
  readonly address?: string;
  readonly from?: string;
  /** Milliseconds: letters at least as old. */
  readonly olderThan?: number;
  readonly json?: boolean;
}

const maxPage = 500;

function queryOf({ reason, address, from, olderThan }: LetterFlags): URLSearchParams {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries({ reason, address, from })) if (value !== undefined) query.set(key, value);
  if (olderThan !== undefined) query.set("until", String(Date.now() - olderThan + 1));
  return query;
}

/** Prints the newest letters that match, the newest first. Resolves with the exit code. */
export async function listLetters(flags: LetterFlags & { readonly limit: number }): Promise<ExitCode> {
  const access = operatorAccess(flags);
  if (typeof access === "number") return access;
  const output = createLineWriter(process.stdout);
  const query = queryOf(flags);
  let left = flags.limit;
  while (left > 0) {
    query.set("limit", String(Math.min(left, maxPage)));
    const answer = await askApi(access, "GET", `/dead-letters?${query}`);
    if (!answer.ok) return answer.exit;
    const { letters, next } = answer.value as LetterPage;
    for (const letter of letters)
      if ((await output.write(flags.json ? jsonLine(letter) : summary(letter))) === "gone") return exitCodes.ok;
    left -= letters.length;
    if (next === undefined) break;
    query.set("before", String(next));
  }
  return exitCodes.ok;
}

/** Prints one letter with all that is known of it. Resolves with the exit code. */
export async function showLetter(letter: number, flags: LetterFlags): Promise<ExitCode> {
  const access = operatorAccess(flags);
  if (typeof access === "number") return access;
  const answer = await askApi(access, "GET", `/dead-letters/${letter}`);
  if (!answer.ok) return answer.exit;
  console.log(flags.json ? jsonLine(answer.value) : inFull(answer.value as Letter));
  return exitCodes.ok;
}

export interface ReplayFlags extends OperatorFlags {
  readonly to?: string;
  readonly again?: boolean;
  readonly json?: boolean;
}

/** Replays letters, one after the other, until one fails. Resolves with the exit code. */
export async function replayLetters(letters: readonly number[], flags: ReplayFlags): Promise<ExitCode> {
  const access = operatorAccess(flags);
  if (typeof access === "number") return access;
  const { to, again, json } = flags;
  for (const letter of letters) {
    const answer = await askApi(access, "POST", `/dead-letters/${letter}/replay`, { to, again });
    if (!answer.ok) return answer.exit;
    const { id, to: reached, duplicate } = answer.value as Replayed;
    const how = duplicate ? "was replayed before" : "replayed";
    console.log(json ? jsonLine(answer.value) : `${letter} ${how} to ${printable(reached)} as ${printable(id)}`);
  }
  return exitCodes.ok;
}

export interface PurgeFlags extends LetterFlags {
  readonly all?: boolean;
  readonly yes?: boolean;
}

/** Purges these letters, or those that match. On a terminal it asks before. Resolves with the exit code. */
export async function purgeLetters(letters: readonly number[], flags: PurgeFlags): Promise<ExitCode> {
  const access = operatorAccess(flags);
  if (typeof access === "number") return access;
  const what = letters.length > 0 ? `dead letter ${letters.join(", ")}` : "all dead letters that match";
  if (!flags.yes && process.stdin.isTTY && !(await confirmed(`Purge ${what}? They cannot be had back. [y/N] `))) {
    complain("nothing was purged");
    return exitCodes.failed;
  }
  return letters.length > 0 ? purgeOnes(access, letters, flags) : purgeMatching(access, flags);
}

async function purgeOnes(access: ApiAccess, letters: readonly number[], { json }: PurgeFlags): Promise<ExitCode> {
  for (const letter of letters) {
    const answer = await askApi(access, "DELETE", `/dead-letters/${letter}`);
    if (!answer.ok) return answer.exit;
  }
  tellPurged(letters.length, json);
  return exitCodes.ok;
}

async function purgeMatching(access: ApiAccess, flags: PurgeFlags): Promise<ExitCode> {
  const query = queryOf(flags);
  if (flags.all) query.set("all", "true");
  let purged = 0;
  for (;;) {
    const answer = await askApi(access, "DELETE", `/dead-letters?${query}`);
    if (!answer.ok) return answer.exit;
    const step = answer.value as Purged;
    purged += step.purged;
    if (step.next === undefined) break;
    query.set("after", String(step.next));
    if (process.stderr.isTTY) process.stderr.write(`\r${purged} purged …`);
  }
  if (process.stderr.isTTY) process.stderr.write("\r");
  tellPurged(purged, flags.json);
  return exitCodes.ok;
}

function tellPurged(purged: number, json: boolean | undefined): void {
  console.log(json ? jsonLine({ purged }) : `${purged} ${purged === 1 ? "letter" : "letters"} purged`);
}

async function confirmed(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(question).finally(() => terminal.close());
  return /^y(es)?$/i.test(answer.trim());
}

/** One line: number, time, reason, from whom to which log, and how it begins. */
function summary({ letter, reason, ts, log, message, replayed }: Letter): string {
  const paint = createPaint(process.stdout);
  const [first = ""] = bodyLines(showable(message));
  const head = `${String(letter).padStart(6)}  ${dateAndTime(ts)}  ${reason.padEnd(13)}`;
  const mark = replayed ? " (replayed)" : "";
  return `${paint("dim", head)} ${printable(message.from)} → ${printable(log)}${mark}: ${first}`;
}

function inFull(letter: Letter): string {
  const { message, pending, note, replayed } = letter;
  const to = [message.to].flat().join(", ");
  const place = letter.seq === 0 ? `${letter.log}, never stored there` : `${letter.log} ${letter.seq}`;
  const lines: (readonly [string, string | undefined])[] = [
    ["letter", String(letter.letter)],
    ["reason", `${letter.reason}, ${dateAndTime(letter.ts)}`],
    ["note", note],
    ["log", place],
    ["pending", pending.length === 0 ? undefined : pending.join(", ")],
    ["replayed", replayed && `to ${replayed.to} as ${replayed.id}, ${dateAndTime(replayed.ts)}`],
    ["message", message.id],
    ["replay of", message.replayOf],
    ["from", message.from],
    ["to", to],
    ["sent", dateAndTime(message.ts)],
    ["expired", message.expiresAt === undefined ? undefined : dateAndTime(message.expiresAt)],
  ];
  const head = lines.flatMap(([name, text]) => (text === undefined ? [] : [`${name.padEnd(10)}${printable(text)}`]));
  return [...head, "", ...bodyLines(showable(message))].join("\n");
}

function showable(message: Letter["message"]): Parameters<typeof bodyLines>[0] {
  return {
    ...message,
    contentType: message.contentType ?? "text/plain",
    encoding: message.encoding,
    type: message.type,
  };
}
