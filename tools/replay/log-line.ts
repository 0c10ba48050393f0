/**
 * One line of an IRC log, taken apart by the format that is described beside the logs (`../shared/data/irc/README.md`).
 * Lines are strings with one character per byte, so that every byte of a text is kept, whatever its encoding. A line
 * that is not of the format is `unknown`, never an error: `log-file.ts` decides what becomes of it.
 */
import type { Nick } from "./nick-mapping.ts";

export type LogLine =
  | { readonly type: "said"; readonly nick: Nick; readonly text: string }
  | { readonly type: "action"; readonly nick: Nick; readonly text: string }
  | { readonly type: "joined" | "left" | "quit"; readonly nick: Nick }
  | { readonly type: "renamed"; readonly nick: Nick; readonly to: Nick }
  /** `=== nick something`: how logs before 2007 write an action, but also mode changes and the like. */
  | { readonly type: "notice"; readonly nick: Nick; readonly text: string }
  | { readonly type: "unknown" };

const said = /^\[\d\d:\d\d\] <([^>]+)>(?: (.*))?$/s;
const action = /^\[\d\d:\d\d\] {1,2}\* ([^ ]+)(?: (.*))?$/s;
const renamed = /^=== ([^ ]+) is now known as ([^ \r]+)[ \r]*$/;
const presenceWithHost = /^=== (.+?) +\[[^\]]*\] +has (joined|left|quit)(?![^ \r])/s;
const presence = /^=== ([^ ]+) +has (?:(joined|left) #[^ \r]+|(left|quit))(?: *[[("].*|[ \r]*)$/s;
const notice = /^=== ([^ ]+) (.*)$/s;

/** Takes a line apart. `line` has one character per byte and no newline at its end. */
export function parseLine(line: string): LogLine {
  const spoken = said.exec(line);
  if (spoken) return { type: "said", nick: spoken[1] ?? "", text: spoken[2] ?? "" };
  const acted = action.exec(line);
  if (acted) return { type: "action", nick: acted[1] ?? "", text: acted[2] ?? "" };
  if (!line.startsWith("=== ")) return { type: "unknown" };
  const changed = renamed.exec(line);
  if (changed) return { type: "renamed", nick: changed[1] ?? "", to: changed[2] ?? "" };
  const moved = presenceWithHost.exec(line) ?? presence.exec(line);
  if (moved) return { type: (moved[2] ?? moved[3]) as "joined" | "left" | "quit", nick: withoutSpaces(moved[1] ?? "") };
  const noticed = notice.exec(line);
  return noticed ? { type: "notice", nick: noticed[1] ?? "", text: noticed[2] ?? "" } : { type: "unknown" };
}

/** Nicks have no spaces; the program that wrote the logs put one after a `]` in a nick. */
function withoutSpaces(nick: string): Nick {
  return nick.replaceAll(" ", "");
}
