/**
 * A whole log as what happens, in order: who says what, comes, goes. Nothing of the file is dropped without a count:
 * what is no presence and was said by nobody is carried verbatim by the scribe (`nick-mapping.ts`), and `oddities`
 * counts all lines that are not as the format says.
 */
import { readFileSync } from "node:fs";
import { type LogLine, parseLine } from "./log-line.ts";
import type { Nick } from "./nick-mapping.ts";

/** Text where the bytes are UTF-8, else the bytes. */
export type Body = string | Uint8Array;

export type LogEvent =
  | {
      readonly type: "line";
      /** Number of the line in the file, from 1. */
      readonly line: number;
      /** Undefined: nobody said it, the scribe carries it. */
      readonly nick: Nick | undefined;
      readonly body: Body;
      readonly kind: "said" | "action" | "note";
      readonly addressee: Nick | undefined;
    }
  | { readonly type: "joined" | "left" | "quit"; readonly line: number; readonly nick: Nick }
  | { readonly type: "renamed"; readonly line: number; readonly nick: Nick; readonly to: Nick };

export interface LogFile {
  readonly path: string;
  readonly lines: number;
  readonly events: readonly LogEvent[];
  /** Everybody who says, comes, goes or is renamed to, in order of appearance. */
  readonly nicks: ReadonlySet<Nick>;
  /** What was odd, with how many lines. */
  readonly oddities: ReadonlyMap<string, number>;
  /** Bytes of the longest body as it travels: base64 where it is not text. */
  readonly longestBody: number;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Tabs are ordinary in chat; every other control character is not. */
const control = /[^\P{Cc}\t]/u;
const longBytes = 512;

/** Reads and takes apart a log. Throws what the file system says. */
export function readLog(path: string): LogFile {
  return parseLog(path, readFileSync(path));
}

/** Takes a log apart. */
export function parseLog(path: string, bytes: Buffer): LogFile {
  const text = bytes.toString("latin1").replace(/^\xef\xbb\xbf/, "");
  const rows = text.endsWith("\n") ? text.slice(0, -1).split("\n") : text === "" ? [] : text.split("\n");
  const parsed = rows.map(parseLine);
  const nicks = nicksOf(parsed);
  const oddities = new Map<string, number>();
  const count = (what: string) => oddities.set(what, (oddities.get(what) ?? 0) + 1);
  const events = parsed.flatMap((one, i) => eventOf(one, i + 1, rows[i] ?? "", nicks, count) ?? []);
  let longestBody = 0;
  for (const event of events) if (event.type === "line") longestBody = Math.max(longestBody, sizeOf(event.body, count));
  return { path, lines: rows.length, events, nicks, oddities, longestBody };
}

function nicksOf(lines: readonly LogLine[]): Set<Nick> {
  const nicks = new Set<Nick>();
  for (const line of lines) {
    if (line.type === "unknown" || line.type === "notice") continue;
    nicks.add(line.nick);
    if (line.type === "renamed") nicks.add(line.to);
  }
  return nicks;
}

function eventOf(
  parsed: LogLine,
  line: number,
  row: string,
  nicks: ReadonlySet<Nick>,
  count: (what: string) => void,
): LogEvent | undefined {
  switch (parsed.type) {
    case "said": {
      const { nick, text } = parsed;
      return { type: "line", line, nick, body: bodyOf(text), kind: "said", addressee: addresseeOf(text, nicks) };
    }
    case "action":
      return { type: "line", line, nick: parsed.nick, body: bodyOf(parsed.text), kind: "action", addressee: undefined };
    case "notice":
      if (nicks.has(parsed.nick)) {
        count('"=== nick …" of a known nick: carried as an action');
        return eventOf({ ...parsed, type: "action" }, line, row, nicks, count);
      }
      return note(line, row, count);
    case "unknown":
      if (row !== "" && row !== "\r") return note(line, row, count);
      count("empty lines: skipped");
      return undefined;
    case "renamed":
      return { type: "renamed", line, nick: parsed.nick, to: parsed.to };
    default:
      return { type: parsed.type, line, nick: parsed.nick };
  }
}

function note(line: number, row: string, count: (what: string) => void): LogEvent {
  count("not of the format: carried verbatim by the scribe");
  return { type: "line", line, nick: undefined, body: bodyOf(row), kind: "note", addressee: undefined };
}

/** Whom a text is addressed to: it begins with `other:` or `other,`. */
function addresseeOf(text: string, nicks: ReadonlySet<Nick>): Nick | undefined {
  const end = text.search(/[:,]/);
  const other = end > 0 ? text.slice(0, end) : "";
  return nicks.has(other) ? other : undefined;
}

function bodyOf(text: string): Body {
  const bytes = Buffer.from(text, "latin1");
  try {
    return decoder.decode(bytes);
  } catch {
    return bytes;
  }
}

/** The bytes a body travels as; counts what is odd about it. */
function sizeOf(body: Body, count: (what: string) => void): number {
  const isText = typeof body === "string";
  const bytes = isText ? Buffer.byteLength(body) : body.length;
  if (!isText) count("not UTF-8: carried as bytes");
  else if (control.test(body)) count("with control characters: carried as they are");
  if (bytes > longBytes) count(`longer than ${longBytes} bytes: carried whole`);
  return isText ? bytes : Math.ceil(bytes / 3) * 4;
}
