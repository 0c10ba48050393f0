import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { jsonLine } from "./json-line.ts";
import { printable, printableLines } from "./printable.ts";

/** Whatever a terminal or an eye could be fooled by. */
const harmful = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}\u{200b}\u{2060}-\u{206f}\u{feff}\u{ad}\u{e0000}-\u{e007f}]/u;
/** Text made mostly of what is harmful. */
const hostileText = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 0x10ffff }),
      fc.integer({ min: 0, max: 0xa0 }),
      fc.constantFrom(0x202e, 0xe0041, 0xd800, 0x2028),
    ),
  )
  .map((codes) => codes.map((code) => String.fromCodePoint(code)).join(""));

const attacks: readonly (readonly [name: string, text: string, shown: string])[] = [
  ["an operating system command (clipboard)", "\x1b]52;c;aGFoYQ==\x07", "\\u{1b}]52;c;aGFoYQ==\\u{7}"],
  ["a control sequence", "\x1b[2J\x1b[H", "\\u{1b}[2J\\u{1b}[H"],
  ["the same with C1", "\u009b2J\u009d0;x\u009c", "\\u{9b}2J\\u{9d}0;x\\u{9c}"],
  ["a bidirectional override", "txt.\u202egnp", "txt.\\u{202e}gnp"],
  ["a carriage return over the line", "good\rbad", "good\\u{d}bad"],
  ["a backspace over the name", "\b\b\bbob", "\\u{8}\\u{8}\\u{8}bob"],
  ["a line separator", "a\u2028b", "a\\u{2028}b"],
  ["hidden tag characters", "a\u{e0041}b", "a\\u{e0041}b"],
  ["half of a surrogate pair", "a\ud800b", "a\\u{d800}b"],
  ["delete and nul", "\x7f\0", "\\u{7f}\\u{0}"],
];

for (const [name, text, shown] of attacks)
  test(`${name} is spelled out`, () => {
    assert.equal(printable(text), shown);
  });

test("no text brings anything harmful to the terminal", () => {
  fc.assert(fc.property(hostileText, (text) => printableLines(text).every((line) => !harmful.test(line))));
});

test("ordinary text of any script stays as it is", () => {
  const text = "Grüße, 中文, שלום, नमस्ते, می‌خواهم, 👩‍👩‍👧 ❤️ 1️⃣";
  assert.equal(printable(text), text);
});

test("LF and CR LF break lines, tabs become spaces", () => {
  assert.deepEqual(printableLines("a\tb\r\nc\n\nd"), ["a    b", "c", "", "d"]);
});

test("a tower of combining marks is cut", () => {
  assert.equal(printable(`Z${"\u0301".repeat(100)}a`), `Z${"\u0301".repeat(8)}…a`);
});

test("JSON lines have nothing harmful in them and lose nothing", () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      const line = jsonLine({ body: text });
      assert.ok(!harmful.test(line), line);
      assert.deepEqual(JSON.parse(line), { body: text });
    }),
  );
});
