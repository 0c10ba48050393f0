import assert from "node:assert/strict";
import { emitKeypressEvents, type Key } from "node:readline";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { type KeyAction, KeyReader } from "./keys.ts";
import { LineEditor } from "./line-editor.ts";

/** Types bytes as a terminal sends them, through Node's decoder. */
function type(bytes: string): { readonly text: string; readonly actions: KeyAction[] } {
  const editor = new LineEditor();
  const reader = new KeyReader(editor);
  const actions: KeyAction[] = [];
  const stream = new PassThrough();
  emitKeypressEvents(stream);
  stream.on("keypress", (text: string | undefined, key: Key) => {
    const action = reader.press(text, key);
    if (action !== "none") actions.push(action);
  });
  stream.emit("data", Buffer.from(bytes));
  return { text: editor.text, actions };
}

test("characters of any script are typed", () => {
  assert.equal(type("Grüße 中文 👍").text, "Grüße 中文 👍");
});

test("keys edit", () => {
  assert.equal(type("abc\x1b[D\x1b[DX").text, "aXbc");
  assert.equal(type("abc\x01X\x05Y").text, "XabcY");
  assert.equal(type("one two\x17").text, "one ");
  assert.equal(type("abc\x7f").text, "ab");
  assert.equal(type("abc\x1b[D\x04").text, "ab");
  assert.equal(type("one two\x1bb\x0b").text, "one ");
});

test("keys that mean nothing type nothing", () => {
  assert.equal(type("a\x1b[15~\x1bOP\x0f\x1bxb").text, "ab");
});

test("keys that ask for something", () => {
  assert.deepEqual(type("a\r\n").actions, ["enter", "enter"]);
  assert.deepEqual(type("\x03\x0c\x1a").actions, ["leave", "clear", "suspend"]);
});

test("Ctrl-D leaves on an empty line only", () => {
  assert.deepEqual(type("\x04").actions, ["leave"]);
  assert.deepEqual(type("a\x04").actions, []);
});

test("pasted text is text, whatever is in it", () => {
  const { text, actions } = type("<\x1b[200~a\rb\x03\x1b[Dc\x1b[201~>");
  assert.equal(text, "<a\nb\x03\x1b[Dc>");
  assert.deepEqual(actions, []);
});
