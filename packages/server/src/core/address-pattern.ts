/**
 * Sets of addresses as rights name them (docs/authorisation.md, "Patterns"): compiled once for an identity, asked for each
 * message of one that is restricted. What cannot be read as a pattern is in no set: a right never grows by a mistake.
 */
import { fail, foldName, type LogName, ok, parseAddress, quote, type Result, type UserKey } from "@parley/protocol";

/** The longest prefix is as long as a name may be. */
const prefixPattern = /^#?[\p{L}\p{N}\p{M}._-]{0,64}$/u;

type Pattern = { readonly kind: "address" | "prefix"; readonly key: string } | { readonly kind: "every user" | "self" };

/**
 * Reads one pattern: an address (`alice`, `#general`, `*`), the beginning of names (`dev-*`, `#team-*`, `#*`), `@*` for
 * every user, `@self` for oneself. Faults: `bad_name`.
 */
export function parsePattern(text: string): Result<Pattern> {
  if (text === "@self") return ok({ kind: "self" });
  if (text === "@*") return ok({ kind: "every user" });
  if (text === "*" || !text.endsWith("*")) {
    const address = parseAddress(text);
    return address.ok ? ok({ kind: "address", key: address.value.key }) : address;
  }
  const prefix = text.slice(0, -1);
  return prefixPattern.test(prefix)
    ? ok({ kind: "prefix", key: foldName(prefix) })
    : fail("bad_name", `not the beginning of a user's or a room's name: ${quote(text)}`);
}

export class AddressSet {
  readonly #exact = new Set<string>();
  readonly #prefixes: string[] = [];
  #everyUser = false;

  /** `self` is what `@self` stands for. */
  constructor(patterns: readonly string[], self: UserKey) {
    for (const text of patterns) {
      const pattern = parsePattern(text);
      if (!pattern.ok) continue;
      const { value } = pattern;
      if (value.kind === "address") this.#exact.add(value.key);
      else if (value.kind === "prefix") this.#prefixes.push(value.key);
      else if (value.kind === "self") this.#exact.add(self);
      else this.#everyUser = true;
    }
  }

  has(key: LogName): boolean {
    if (this.#exact.has(key)) return true;
    if (key === "*") return false;
    if (this.#everyUser && !key.startsWith("#")) return true;
    return this.#prefixes.some((prefix) => key.startsWith(prefix));
  }
}
