import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { clustersOf, textWidth, truncate, wrap } from "./text-layout.ts";

test("wide, combining and joined characters are measured in cells", () => {
  const widths = ["a", "é", "e\u0301", "中", "あ", "한", "Ａ", "ｱ", "👍", "👩‍👩‍👧", "❤️", "…"].map(textWidth);
  assert.deepEqual(widths, [1, 1, 1, 2, 2, 2, 2, 1, 2, 2, 2, 1]);
});

test("a line breaks at spaces, the first row by its own width", () => {
  assert.deepEqual(wrap("the quick brown fox jumps", 10, 12), ["the quick", "brown fox", "jumps"]);
});

test("a word longer than a row is cut", () => {
  assert.deepEqual(wrap("abcdefghij", 4, 4), ["abcd", "efgh", "ij"]);
});

test("no row is wider than asked, and no character but spaces is lost", () => {
  const text = fc.array(fc.constantFrom("a", "b", " ", "中", "e\u0301", "👍")).map((parts) => parts.join(""));
  fc.assert(
    fc.property(text, fc.integer({ min: 2, max: 12 }), fc.integer({ min: 0, max: 8 }), (line, first, more) => {
      const rows = wrap(line, first, first + more);
      rows.forEach((row, index) => {
        assert.ok(textWidth(row) <= (index === 0 ? first : first + more), JSON.stringify(rows));
      });
      assert.equal(rows.join("").replaceAll(" ", ""), line.replaceAll(" ", ""));
    }),
  );
});

test("truncating keeps whole characters and says that it cut", () => {
  assert.equal(truncate("中中中", 4), "中…");
  assert.equal(truncate("abc", 3), "abc");
  assert.equal(truncate("abc", 0), "");
});

test("clusters together are the text", () => {
  const text = "e\u0301👩‍👩‍👧x中";
  assert.equal(
    clustersOf(text)
      .map((cluster) => cluster.text)
      .join(""),
    text,
  );
});
