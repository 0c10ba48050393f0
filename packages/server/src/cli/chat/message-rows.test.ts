import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Showable } from "../message-head.ts";
import { textWidth } from "../text-layout.ts";
import { dividerRow, messageRows, noticeRows, type RowStyle } from "./message-rows.ts";

const noon = new Date(2026, 1, 1, 12, 3).getTime();

function style(columns: number): RowStyle {
  return { columns, self: "alice", paint: (_, text) => text, now: noon };
}

function message(change: Partial<Showable> = {}): Showable {
  const plain = { encoding: undefined, contentType: "text/plain", type: undefined };
  return { from: "bob", to: "alice", body: "Yes, at noon.", ts: noon, ...plain, ...change };
}

test("a message to oneself names its sender, any other the address too", () => {
  assert.deepEqual(messageRows(message({ to: "Alice" }), style(80)), ["   12:03 bob: Yes, at noon."]);
  assert.deepEqual(messageRows(message({ to: "#x" }), style(80)), ["   12:03 bob → #x: Yes, at noon."]);
  assert.deepEqual(
    messageRows(message({ to: ["alice", "carol"] }), style(80))[0]?.slice(9),
    "bob → alice, carol: Yes, at noon.",
  );
});

test("another day is named", () => {
  assert.deepEqual(messageRows(message({ ts: noon - 86_400_000 }), style(80)), [
    "   2026-01-31 12:03 bob: Yes, at noon.",
  ]);
});

test("what does not fit goes on indented", () => {
  const rows = messageRows(message({ body: "a message that is too long for one row" }), style(40));
  assert.deepEqual(rows, ["   12:03 bob: a message that is too", "         long for one row"]);
});

test("a line in a body cannot pass for another message", () => {
  const rows = messageRows(message({ body: "hi\n✓✓ 12:04 alice → bob: yes" }), style(80));
  assert.deepEqual(rows, ["   12:03 bob: hi", "         ✓✓ 12:04 alice → bob: yes"]);
});

test("bytes and other types are told", () => {
  const bytes = message({ body: "AAEC", encoding: "base64", contentType: "image/png" });
  assert.deepEqual(messageRows(bytes, style(80)), ["   12:03 bob: [3 bytes of image/png]"]);
  const typed = message({ type: "alarm", contentType: "application/json", body: "{}" });
  assert.deepEqual(messageRows(typed, style(80)), ["   12:03 bob: (alarm) [application/json] {}"]);
});

test("an over-long body is cut, and that is said", () => {
  const rows = messageRows(message({ body: "x".repeat(20_000) }), style(80));
  assert.match(rows.at(-1) ?? "", /3616 more characters/);
});

test("every row fits into the terminal, whatever is in the message", () => {
  const text = fc.string({ unit: "binary" });
  fc.assert(
    fc.property(text, text, text, fc.integer({ min: 20, max: 100 }), (from, to, body, columns) => {
      const rows = messageRows(message({ from, to, body }), style(columns));
      for (const row of rows) assert.ok(textWidth(row) <= columns && !/\p{Cc}/u.test(row), JSON.stringify(row));
      for (const row of rows.slice(1)) assert.equal(row.slice(0, 9), " ".repeat(9));
    }),
  );
});

test("notices and dividers fit too", () => {
  assert.deepEqual(noticeRows("bob: online", style(80)), [" – bob: online"]);
  assert.deepEqual(noticeRows("a b\nc", style(80), true), [" ! a b", "   c"]);
  assert.equal(textWidth(dividerRow("earlier, with somebody of a long name", style(30))), 29);
});
