/** Core events as JSON: what is spliced for speed says the same as what would be built. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LogName, ServerMessages } from "@parley/protocol";
import { parseServerMessage } from "@parley/protocol/validate";
import { Entry } from "../../engine/entry.ts";
import { encodeEntry, encodeEvent } from "./codec.ts";

const odd = '"\\\u2028é😀\u0000';
const message = { id: "i", from: "Ａlice", to: ["bob", "#Ä"], ts: 5, body: odd, type: odd, clientId: '"\\' };
const entry = (log: string, seq: number) => new Entry(log as LogName, "e1", seq, JSON.stringify(message), "o", 0);

/** Parses what was encoded, as a client does: it has to be what the protocol allows. */
function decode(text: string): unknown {
  const parsed = parseServerMessage(text);
  assert.ok(parsed.ok, parsed.ok ? "" : parsed.fault.message);
  return parsed.value;
}

describe("the codec", () => {
  it("puts an entry's place before its fields, and nothing of what the engine keeps beside", () => {
    const expected = { op: "message", log: "#ä", seq: 7, ...message };
    assert.deepEqual(decode(encodeEntry(entry("#ä", 7))), expected);
    assert.deepEqual(decode(encodeEvent(entry("#ä", 7))), expected);
  });

  it("writes the ok of a send as JSON would, with and without what is optional", () => {
    const ok: ServerMessages["ok"] = {
      op: "ok",
      ref: odd,
      clientId: '"\\~',
      id: "i",
      ts: 5,
      durability: "fsync",
      positions: [
        { log: "bob", epoch: "e1", seq: 1 },
        { log: "#ä", epoch: "e2", seq: 2 },
      ],
      recipients: [
        { to: "bob", state: "online" },
        { to: "#Ä", state: "stored" },
      ],
      duplicate: true,
    };
    assert.deepEqual(decode(encodeEvent(ok)), ok);
    const least: ServerMessages["ok"] = {
      ...{ op: "ok", id: "i", ts: 5, durability: "memory" },
      ...{ positions: [{ log: "*", epoch: "e", seq: 1 }], recipients: [{ to: "*", state: "stored" }] },
    };
    assert.deepEqual(decode(encodeEvent(least)), least);
    assert.deepEqual(decode(encodeEvent({ op: "ok", ref: odd })), { op: "ok", ref: odd });
  });

  it("writes a page with its entries as messages, and next only where there is one", () => {
    const page = { op: "page", log: "#ä", epoch: "e1" } as const;
    assert.deepEqual(decode(encodeEvent({ ...page, entries: [] })), { ...page, messages: [] });
    const entries = [entry("#ä", 3), entry("#ä", 4)];
    const messages = [3, 4].map((seq) => ({ op: "message", log: "#ä", seq, ...message }));
    assert.deepEqual(decode(encodeEvent({ ...page, ref: odd, entries, next: 3 })), {
      ...page,
      ref: odd,
      messages,
      next: 3,
    });
  });

  it("writes everything else as it is", () => {
    const presence: ServerMessages["presence"] = { op: "presence", users: [{ user: "bob", online: true }] };
    assert.deepEqual(decode(encodeEvent(presence)), presence);
  });
});
