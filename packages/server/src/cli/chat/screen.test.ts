import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Terminal } from "../testing/terminal.ts";
import { textWidth } from "../text-layout.ts";
import { Screen } from "./screen.ts";

function input(text: string, cursorColumn = textWidth(text)) {
  return { text, width: textWidth(text), cursorColumn };
}

test("rows appear above the input row, which stays as it is", () => {
  const terminal = new Terminal(20, 4);
  const screen = new Screen(terminal);
  screen.showInput(input("> half a li", 5));
  screen.print(["one", "two"]);
  screen.print(["three", "four"]);
  assert.deepEqual(terminal.screen, ["two", "three", "four", "> half a li"]);
  assert.deepEqual([terminal.row, terminal.column], [3, 5]);
});

test("a shorter input row leaves nothing of the longer one", () => {
  const terminal = new Terminal(20, 4);
  const screen = new Screen(terminal);
  screen.showInput(input("> a long line"));
  screen.showInput(input("> "));
  assert.deepEqual(terminal.screen, [">"]);
});

test("a mark is changed where its row is, and not when that has left the screen", () => {
  const terminal = new Terminal(20, 4);
  const screen = new Screen(terminal);
  screen.showInput(input("> x"));
  screen.print([".  one", "   more"], "a");
  screen.print(["two"]);
  assert.ok(screen.change("a", "ok "));
  assert.deepEqual(terminal.screen, ["ok one", "   more", "two", "> x"]);
  screen.print(["three"]);
  assert.ok(!screen.change("a", "!! "));
  assert.ok(!terminal.all.includes("!!"));
});

test("after a change of size nothing is written where nobody knows what is there", () => {
  const terminal = new Terminal(20, 4);
  const screen = new Screen(terminal);
  screen.print([".  one"], "a");
  screen.resized(input("> x"));
  assert.ok(!screen.change("a", "ok "));
});

test("an input row that was broken by a narrower terminal is drawn anew, once", () => {
  const terminal = new Terminal(10, 4);
  const screen = new Screen(terminal);
  // As a terminal of 10 columns shows what was drawn in 20.
  terminal.columns = 20;
  screen.print(["one"]);
  screen.showInput(input("> abcdefghijkl"));
  terminal.columns = 10;
  terminal.write("\r\n");
  terminal.write("\r\x1b[A\x1b[Kone\r\n> abcdefgh\r\nijkl");
  screen.resized(input("> efghijk"));
  assert.deepEqual(terminal.screen.at(-1), "> efghijk");
  assert.equal(terminal.all.split("> ").length - 1, 1);
});

test("closing takes the input row away and gives the terminal back", () => {
  const terminal = new Terminal(20, 4);
  const screen = new Screen(terminal);
  screen.open();
  assert.ok(terminal.bracketedPaste);
  screen.print(["one"]);
  screen.showInput(input("> x"));
  screen.close();
  assert.deepEqual(terminal.screen, ["one"]);
  assert.equal(terminal.column, 0);
  assert.ok(!terminal.bracketedPaste);
});

test("whatever happens, the input row is the last and whole, and marks land on their rows", () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant("print" as const), rows: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ type: fc.constant("type" as const), text: fc.string({ unit: "grapheme-ascii", maxLength: 15 }) }),
    fc.record({ type: fc.constant("change" as const), which: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const terminal = new Terminal(20, 6);
      const screen = new Screen(terminal);
      let typed = "> ";
      let printed = 0;
      const changed = new Set<number>();
      screen.showInput(input(typed));
      for (const each of steps) {
        if (each.type === "type") {
          typed = `> ${each.text}`;
          screen.showInput(input(typed));
        } else if (each.type === "print") {
          const rows = Array.from({ length: each.rows }, (_, index) => (index === 0 ? `. ${printed}` : "more"));
          screen.print(rows, String(printed++));
        } else if (screen.change(String(each.which), "+")) changed.add(each.which);
        assert.equal(terminal.inputRow, typed.trimEnd());
        assert.equal(terminal.screen.length <= terminal.row + 1, true);
        assert.equal(terminal.column, typed.length);
      }
      const marks = terminal.all.split("\n").filter((row) => /^[.+] \d/.test(row));
      const expected = Array.from({ length: printed }, (_, id) => `${changed.has(id) ? "+" : "."} ${id}`);
      assert.deepEqual(marks, expected);
    }),
  );
});
