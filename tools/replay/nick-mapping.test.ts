import assert from "node:assert/strict";
import { test } from "node:test";
import { parseUser } from "@parley/protocol";
import fc from "fast-check";
import { scribeName, userNameOf } from "./nick-mapping.ts";

test("plain nicks keep their name, others are escaped, capitals are told apart", () => {
  for (const [nick, name] of [
    ["kleedrac", "kleedrac"],
    ["foo_bar-42", "foo_bar-42"],
    ["|QuaD-", ".7cQuaD-..9"],
    ["L0sT[x]", "L0sT.5bx.5d..a"],
    ["`anthony", ".60anthony"],
    ["NeoXed", "NeoXed..24"],
    ["neoxed", "neoxed"],
    ["a.b", "a.2eb"],
    ["caf\xc3\xa9", "caf.c3.a9"],
    ["", "..0"],
  ] as const)
    assert.equal(userNameOf(nick), name);
});

test("a name that got too long is cut and told apart by a hash", () => {
  const name = userNameOf("|".repeat(40));
  assert.match(name, /^[.7c]{29}\.\.\.[0-9a-f]{32}$/);
  assert.notEqual(name, userNameOf(`${"|".repeat(39)}{`));
  assert.equal(userNameOf("x".repeat(64)), "x".repeat(64));
});

/** Strings of bytes, most of them of the kind that collides: letters in both cases, dots, digits, brackets. */
const nicks = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."aAbBfF.[{]}|_-`04"), maxLength: 70 }),
  fc.uint8Array({ maxLength: 70 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
);

test("every nick becomes a valid user, and no two the same, however Parley compares names", () => {
  const keys = new Map<string, string>();
  const check = (nick: string) => {
    const user = parseUser(userNameOf(nick));
    assert.ok(user.ok, `${JSON.stringify(nick)}: ${userNameOf(nick)}`);
    const other = keys.get(user.value.key);
    assert.ok(other === undefined || other === nick, `${JSON.stringify(nick)} and ${JSON.stringify(other)}`);
    keys.set(user.value.key, nick);
  };
  const scribe = parseUser(scribeName);
  assert.ok(scribe.ok);
  keys.set(scribe.value.key, "(the scribe)");
  fc.assert(fc.property(nicks, check), { numRuns: 5_000 });
  for (const letters of ["", "a", "A", "aa", "aA", "Aa", "AA", ".", "..", "...", "..0", "..1", "..log"]) check(letters);
});
