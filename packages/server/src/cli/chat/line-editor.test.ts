import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { textWidth } from "../text-layout.ts";
import { LineEditor } from "./line-editor.ts";

function editorWith(text: string): LineEditor {
  const editor = new LineEditor();
  editor.insert(text);
  return editor;
}

test("text is put in at the cursor", () => {
  const editor = editorWith("held");
  editor.move(-2);
  editor.insert("llo wor");
  assert.equal(editor.text, "hello world");
});

test("a key takes away what is seen as one character", () => {
  const editor = editorWith("a👩‍👩‍👧e\u0301");
  editor.deleteBefore();
  assert.equal(editor.text, "a👩‍👩‍👧");
  editor.deleteBefore();
  assert.equal(editor.text, "a");
});

test("a combining mark joins the character before the cursor", () => {
  const editor = editorWith("ex");
  editor.move(-1);
  editor.insert("\u0301");
  editor.deleteBefore();
  assert.equal(editor.text, "x");
});

test("words are deleted and stepped over", () => {
  const editor = editorWith("one two  three");
  editor.deleteWordBefore();
  assert.equal(editor.text, "one two  ");
  editor.deleteWordBefore();
  assert.equal(editor.text, "one ");
  editor.home();
  editor.wordRight();
  editor.insert("!");
  assert.equal(editor.text, "one! ");
});

test("the line is cut before and behind the cursor", () => {
  const editor = editorWith("abcdef");
  editor.move(-2);
  editor.deleteToEnd();
  assert.equal(editor.text, "abcd");
  editor.move(-1);
  editor.deleteToStart();
  assert.equal(editor.text, "d");
  editor.deleteAfter();
  assert.ok(editor.isEmpty);
});

test("entered lines are recalled, and what was being typed comes back", () => {
  const editor = editorWith("first");
  editor.enter();
  editor.insert("second");
  editor.enter();
  editor.insert("dra");
  editor.recall(-1);
  editor.recall(-1);
  assert.equal(editor.text, "first");
  editor.recall(-1);
  assert.equal(editor.text, "first");
  editor.recall(1);
  editor.recall(1);
  assert.equal(editor.text, "dra");
});

test("a row shows the part around the cursor", () => {
  const editor = editorWith("abcdefghij");
  assert.deepEqual(editor.window(5), { text: "ghij", cursorColumn: 4 });
  editor.home();
  assert.deepEqual(editor.window(5), { text: "abcde", cursorColumn: 0 });
});

test("what was pasted is shown without effect on the terminal", () => {
  const editor = editorWith("a\n\x1b[2J");
  assert.equal(editor.window(40).text, "a⏎\\u{1b}[2J");
  assert.equal(editor.text, "a\n\x1b[2J");
});

test("whatever is typed, the row fits and the cursor is in it", () => {
  const typed = fc.array(fc.constantFrom("a", "中", "👍", "\u0301", "\x1b", " ", "left", "home", "back"));
  fc.assert(
    fc.property(typed, fc.integer({ min: 2, max: 20 }), (keys, columns) => {
      const editor = new LineEditor();
      for (const key of keys) {
        if (key === "left") editor.move(-1);
        else if (key === "home") editor.home();
        else if (key === "back") editor.deleteBefore();
        else editor.insert(key);
      }
      const { text, cursorColumn } = editor.window(columns);
      assert.ok(textWidth(text) <= columns, text);
      assert.ok(cursorColumn >= 0 && cursorColumn < columns && cursorColumn <= textWidth(text));
    }),
  );
});
