/** What plain protocols show: by which address a message came, and what a user is not told of itself. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LogName } from "@parley/protocol";
import { Entry } from "../engine/entry.ts";
import { isOwn, render } from "./rendering.ts";

function entry(log: string, message: object): Entry {
  return new Entry(log as LogName, "e1", 1, JSON.stringify({ id: "i", ...message }), "", 0);
}

describe("rendering", () => {
  it("tells the address by which the reader got it, as it was registered", () => {
    const to = ["Bob", "#General", "*"];
    for (const [log, address] of [
      ["bob", "Bob"],
      ["#general", "#General"],
      ["*", "*"],
    ] as const)
      assert.equal(render(entry(log, { from: "Ann", to, ts: 1, body: "x" })).to, address);
    assert.equal(render(entry("bob", { from: "Ann", to: "Bob", ts: 1, body: "x" })).to, "Bob");
  });

  it("says whether it is a room's, and whether the text is base64", () => {
    const { isRoom, isBinary, text, from } = render(
      entry("#r", { from: "Ann", to: "#r", ts: 1, body: "AAE=", encoding: "base64" }),
    );
    assert.deepEqual([isRoom, isBinary, text, from], [true, true, "AAE=", "Ann"]);
    assert.equal(render(entry("bob", { from: "Ann", to: "bob", ts: 1, body: "x" })).isBinary, false);
  });
});

describe("one's own messages", () => {
  const viewer = { key: "ann", name: "Ann", since: 100 };
  const own = (log: string, to: string | string[], ts: number, from = "Ann") =>
    isOwn(entry(log, { from, to, ts, body: '"from":"Ann","to":' }), viewer);

  it("are hidden where they are copies of what went to others", () => {
    assert.equal(own("ann", "bob", 200), true);
    assert.equal(own("ann", ["bob", "#r"], 200), true);
  });

  it("are shown where they are for oneself", () => {
    assert.equal(own("ann", "Ann", 200), false);
    assert.equal(own("ann", ["bob", "Ann"], 200), false);
  });

  it("are hidden in rooms where they are of an earlier connection, and shown where another connection sends them now", () => {
    assert.equal(own("#r", "#r", 99), true);
    assert.equal(own("*", "*", 99), true);
    assert.equal(own("#r", "#r", 100), false);
  });

  it("are not those of somebody else, whatever the body says", () => {
    assert.equal(own("ann", "Ann", 1, "bob"), false);
    assert.equal(own("#r", "#r", 1, "bob"), false);
  });
});
