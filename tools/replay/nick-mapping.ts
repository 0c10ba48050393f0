/**
 * How a nick of an IRC log becomes a name of a Parley user. The rule needs no table, so the same nick is the same user
 * in every file and every run; and it is injective, so two nicks are never the same user, not even those that IRC or
 * Parley would compare as equal (`NeoXed` and `neoxed`, `a[b]` and `a{b}`). The rule, for people: docs/replay.md.
 */
import { createHash } from "node:crypto";

/** A nick as it is in the log: a string with one character (U+0000 to U+00FF) for each of its bytes. */
export type Nick = string;

/** Who carries the lines that nobody said. No nick is mapped to it: after `..` comes a hexadecimal digit. */
export const scribeName = "..log";

const maxNameCharacters = 64;
const kept = /[A-Za-z0-9_-]/;
const hashDigits = 32;

/**
 * The user name of a nick:
 *
 * 1. ASCII letters, digits, `_` and `-` stay as they are.
 * 2. Every other byte becomes `.` and two hexadecimal digits: `L0sT[x]` has `.5b` for `[` and `.5d` for `]`.
 * 3. Parley does not tell capitals from small letters and IRC logs do. So where there are capitals, `..` and a
 *    hexadecimal number follow, whose binary digits say for each ASCII letter of the nick, in order, whether it is one:
 *    `NeoXed` is `NeoXed..24` (100100). The empty nick is `..0`.
 * 4. A name that got longer than 64 characters becomes its first 29, `...`, and 32 hexadecimal digits: the beginning of
 *    the SHA-256 of the nick's bytes.
 *
 * The result always parses as a user name, and is what Parley shows.
 */
export function userNameOf(nick: Nick): string {
  let name = "";
  let capitals = "";
  for (const character of nick) {
    name += kept.test(character) ? character : `.${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
    if (/[A-Z]/.test(character)) capitals += "1";
    else if (/[a-z]/.test(character)) capitals += "0";
  }
  const number = BigInt(`0b0${capitals}`);
  if (number > 0n || nick === "") name += `..${number.toString(16)}`;
  if (name.length <= maxNameCharacters) return name;
  const hash = createHash("sha256").update(nick, "latin1").digest("hex").slice(0, hashDigits);
  return `${name.slice(0, maxNameCharacters - hashDigits - "...".length)}...${hash}`;
}
