/** What a pattern of addresses takes in, and that nothing is taken in by mistake. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type LogName, parseAddress, type UserKey } from "@parley/protocol";
import { AddressSet, parsePattern } from "./address-pattern.ts";

const ann = "ann" as UserKey;
const addresses = ["ann", "bob", "dev-1", "dev", "développeur", "#team", "#team-a", "#team-b", "#other", "*"];

function taken(...patterns: string[]): string[] {
  const set = new AddressSet(patterns, ann);
  return addresses.filter((address) => set.has(address as LogName));
}

describe("a pattern", () => {
  const cases: [pattern: string, ...taken: string[]][] = [
    ["bob", "bob"],
    ["BOB", "bob"],
    ["#Team", "#team"],
    ["*", "*"],
    ["@*", "ann", "bob", "dev-1", "dev", "développeur"],
    ["@self", "ann"],
    ["#*", "#team", "#team-a", "#team-b", "#other"],
    ["#team-*", "#team-a", "#team-b"],
    ["#TEAM*", "#team", "#team-a", "#team-b"],
    ["dev*", "dev-1", "dev"],
    ["dév*", "développeur"],
    ["nobody"],
  ];
  for (const [pattern, ...expected] of cases) {
    it(`${pattern} takes in ${expected.join(", ") || "nothing"}`, () => {
      assert.ok(parsePattern(pattern).ok);
      assert.deepEqual(taken(pattern), expected);
    });
  }

  it("that is none takes in nothing", () => {
    for (const text of [
      "",
      "**",
      "#",
      "##x*",
      "a b",
      "@",
      "@ann",
      "@*x",
      "*x",
      "te*m",
      "team**",
      "/.*/",
      "#té am*",
      "a,*",
    ]) {
      assert.equal(parsePattern(text).ok, false, text);
      assert.deepEqual(taken(text), [], text);
    }
  });

  it("is one of several, and none at all take in nothing", () => {
    assert.deepEqual(taken("bob", "#team", "**"), ["bob", "#team"]);
    assert.deepEqual(taken(), []);
  });

  it("of a name is the name's own address", () => {
    for (const text of addresses) {
      const address = parseAddress(text);
      assert.ok(address.ok);
      assert.ok(new AddressSet([text], ann).has(address.value.key), text);
    }
  });
});
