/** What plain protocols show: by which address a message came, and what a user is not told of itself. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LogName } from "@parley/protocol";
import fc from "fast-check";
import { encodeContent, encodePayload } from "../core/message.ts";
import { Entry } from "../engine/entry.ts";
import { isOwn, render, splice } from "./rendering.ts";

const id = "01930000-0000-7000-8000-000000000000";

function entry(log: string, message: object): Entry {
  return new Entry(log as LogName, "e1", 1, JSON.stringify({ id, ...message }), "", 0);
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

describe("splicing", () => {
  const clientIds = fc.option(fc.constantFrom("c", 'a"b'), { nil: undefined });
  const types = fc.option(fc.string({ unit: "binary" }), { nil: undefined });

  it("makes of a message what rendering makes of it, or leaves it to that", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), types, clientIds, fc.boolean(), (body, type, clientId, receipt) => {
        const about = { id, from: "Ann", to: '"Bob"', ts: 1, expiresAt: 0, clientId, receipt };
        const content = encodeContent({ op: "send", to: "Bob", body, ...(type === undefined ? {} : { type }) });
        const one = new Entry("bob" as LogName, "e1", 1, encodePayload(about, content), "", 0);
        const spliced = splice(one);
        const { from, to, text } = render(one);
        if (spliced)
          assert.deepEqual(JSON.parse(`{${spliced.addresses},"msg":${spliced.text}}`), { from, to, msg: text });
        else assert.match(JSON.stringify(body), /\\/);
      }),
    );
  });

  it("leaves what is binary, or has several addresses, to rendering", () => {
    const content = encodeContent({ op: "send", to: "Bob", body: "AAE=", encoding: "base64" });
    const about = { id, from: "Ann", ts: 1, expiresAt: 0, clientId: undefined, receipt: false };
    const made = (to: string, text: string) =>
      new Entry("bob" as LogName, "e1", 1, encodePayload({ ...about, to }, text), "", 0);
    assert.equal(splice(made('"Bob"', content)), undefined);
    assert.equal(splice(made('["Bob","Eve"]', encodeContent({ op: "send", to: [], body: "x" }))), undefined);
  });
});

describe("one's own messages", () => {
  const viewer = { user: { key: "ann", name: "Ann" }, since: 100 };
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
