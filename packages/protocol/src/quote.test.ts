/**
 * What a fault message shows of a peer's text: visible, short, and harmless to the terminal or log that prints it.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { quote } from "./quote.ts";

describe("quote", () => {
  it("leaves visible text as it is", () => {
    assert.equal(quote("Zoë 李 😀"), '"Zoë 李 😀"');
  });

  it("writes out what cannot be seen", () => {
    assert.equal(quote('a"b\\c'), '"a\\"b\\\\c"');
    assert.equal(quote("\x1b[2J\r\n\x9b"), '"\\u{1b}[2J\\u{d}\\u{a}\\u{9b}"');
    assert.equal(quote("\u202e\u200b\ufe0f\u3164"), '"\\u{202e}\\u{200b}\\u{fe0f}\\u{3164}"');
    assert.equal(quote("\ud800"), '"\\u{d800}"');
  });

  it("shows 40 characters", () => {
    assert.equal(quote("😀".repeat(40)), `"${"😀".repeat(40)}"`);
    assert.equal(quote("😀".repeat(41)), `"${"😀".repeat(40)}…"`);
  });

  it("is one line of well-formed text, whatever it is given", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const quoted = quote(text);
        assert.ok(quoted.isWellFormed());
        assert.doesNotMatch(quoted, /[\p{C}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});
