/**
 * What each key does to the line being typed (the usual ones of readline), and what has to be done beyond it. Keys come
 * from Node's decoder (`readline.emitKeypressEvents`), which also marks pasted text where the terminal brackets it.
 */
import type { Key } from "node:readline";
import type { LineEditor } from "./line-editor.ts";

/** What a key asks for beside a change of the line. */
export type KeyAction = "none" | "enter" | "leave" | "clear" | "suspend";

const edits: Readonly<Record<string, (editor: LineEditor) => void>> = {
  left: (editor) => editor.move(-1),
  right: (editor) => editor.move(1),
  home: (editor) => editor.home(),
  end: (editor) => editor.end(),
  up: (editor) => editor.recall(-1),
  down: (editor) => editor.recall(1),
  backspace: (editor) => editor.deleteBefore(),
  delete: (editor) => editor.deleteAfter(),
  "ctrl+a": (editor) => editor.home(),
  "ctrl+b": (editor) => editor.move(-1),
  "ctrl+e": (editor) => editor.end(),
  "ctrl+f": (editor) => editor.move(1),
  "ctrl+h": (editor) => editor.deleteBefore(),
  "ctrl+k": (editor) => editor.deleteToEnd(),
  "ctrl+n": (editor) => editor.recall(1),
  "ctrl+p": (editor) => editor.recall(-1),
  "ctrl+u": (editor) => editor.deleteToStart(),
  "ctrl+w": (editor) => editor.deleteWordBefore(),
  "ctrl+left": (editor) => editor.wordLeft(),
  "ctrl+right": (editor) => editor.wordRight(),
  "meta+b": (editor) => editor.wordLeft(),
  "meta+f": (editor) => editor.wordRight(),
  "meta+backspace": (editor) => editor.deleteWordBefore(),
};

export class KeyReader {
  readonly #editor: LineEditor;
  /** What was pasted so far, while a paste is under way. */
  #pasted: string | undefined;

  constructor(editor: LineEditor) {
    this.#editor = editor;
  }

  /** Applies a key; `text` is what it types, if anything. */
  press(text: string | undefined, key: Key): KeyAction {
    if (key.name === "paste-start") this.#pasted = "";
    else if (key.name === "paste-end") this.#endPaste();
    else if (this.#pasted !== undefined) this.#pasted += key.sequence ?? text ?? "";
    else return this.#typed(text, key);
    return "none";
  }

  #typed(text: string | undefined, key: Key): KeyAction {
    const name = `${key.ctrl ? "ctrl+" : ""}${key.meta ? "meta+" : ""}${key.name ?? ""}`;
    if (name === "return" || name === "enter") return "enter";
    if (name === "ctrl+c") return "leave";
    if (name === "ctrl+d" && this.#editor.isEmpty) return "leave";
    if (name === "ctrl+l") return "clear";
    if (name === "ctrl+z") return "suspend";
    const edit = edits[name === "ctrl+d" ? "delete" : name];
    if (edit) edit(this.#editor);
    else if (text !== undefined && !key.ctrl && !key.meta && isTyped(text)) this.#editor.insert(text);
    return "none";
  }

  /** Line breaks in what was pasted do not send it: the terminal writes them as CR. */
  #endPaste(): void {
    this.#editor.insert((this.#pasted ?? "").replace(/\r\n?/g, "\n"));
    this.#pasted = undefined;
  }
}

/** Whether a key types a character, and is not a function key that nobody knows. */
function isTyped(text: string): boolean {
  return text !== "" && !/\p{Cc}/u.test(text);
}
