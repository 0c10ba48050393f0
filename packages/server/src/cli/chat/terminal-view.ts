/**
 * The chat on a terminal: keys change the line being typed, everything else appears above it. The line being typed is
 * this view's alone; nothing that arrives touches it.
 */
import { emitKeypressEvents, type Key } from "node:readline";
import type { ReadStream, WriteStream } from "node:tty";
import type { Showable } from "../message-head.ts";
import { createPaint, type Paint } from "../paint.ts";
import { printable } from "../printable.ts";
import { textWidth, truncate } from "../text-layout.ts";
import type { ChatView, Fate, Prompt } from "./chat-view.ts";
import { FateNotes } from "./fate-notes.ts";
import { KeyReader } from "./keys.ts";
import { LineEditor } from "./line-editor.ts";
import { LineQueue } from "./line-queue.ts";
import { dividerRow, messageRows, noticeRows, type RowStyle, tick } from "./message-rows.ts";
import { type InputRow, Screen } from "./screen.ts";

const promptEnd = " › ";

export class TerminalView implements ChatView {
  readonly lines = new LineQueue();
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  readonly #screen: Screen;
  readonly #paint: Paint;
  readonly #editor = new LineEditor();
  readonly #keys = new KeyReader(this.#editor);
  readonly #notes = new FateNotes((text) => this.notice(text));
  #prompt: Prompt;
  #isDrawing = false;
  #isClosed = false;

  constructor(input: ReadStream, output: WriteStream, user: string) {
    this.#input = input;
    this.#output = output;
    this.#screen = new Screen(output);
    this.#paint = createPaint(output);
    this.#prompt = { user, recipient: undefined, isOffline: false };
    // A terminal that was closed takes nothing any more; SIGHUP tells the same.
    output.on("error", () => {});
    emitKeypressEvents(input);
    input.on("keypress", this.#pressed);
    output.on("resize", this.#resized);
    process.on("SIGCONT", this.#continued);
    process.on("exit", this.#restore);
    input.setRawMode(true);
    input.resume();
    this.#screen.open();
    this.#draw();
  }

  async message(message: Showable, isEarlier = false): Promise<void> {
    this.#screen.print(messageRows(message, this.#style, { isEarlier }));
  }

  own(clientId: string, message: Showable): void {
    this.#screen.print(messageRows(message, this.#style, { gutter: tick("sending", this.#paint) }), clientId);
  }

  settle(clientId: string, fate: Fate): void {
    if (!this.#screen.change(clientId, tick(fate, this.#paint))) this.#notes.add(fate);
    if (fate !== "stored") this.#screen.forget(clientId);
  }

  notice(text: string): void {
    this.#screen.print(noticeRows(text, this.#style));
  }

  divider(text: string): void {
    this.#screen.print([dividerRow(text, this.#style)]);
  }

  problem(text: string): void {
    this.#screen.print(noticeRows(text, this.#style, true));
  }

  prompt(prompt: Prompt): void {
    this.#prompt = prompt;
    this.#draw();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#notes.close();
    this.#input.off("keypress", this.#pressed);
    this.#output.off("resize", this.#resized);
    process.off("SIGCONT", this.#continued);
    process.off("exit", this.#restore);
    this.#restore();
    this.#input.pause();
    this.lines.end();
  }

  get #style(): RowStyle {
    return { columns: this.#screen.columns, self: this.#prompt.user, paint: this.#paint, now: Date.now() };
  }

  readonly #pressed = (text: string | undefined, key: Key): void => {
    const action = this.#keys.press(text, key);
    if (action === "enter") this.lines.push(this.#editor.enter());
    else if (action === "leave") this.lines.end();
    else if (action === "clear") this.#screen.clear();
    else if (action === "suspend") this.#suspend();
    this.#drawSoon();
  };

  readonly #resized = (): void => this.#screen.resized(this.#inputRow());

  /** Back from Ctrl-Z: the shell has had the terminal meanwhile. */
  readonly #continued = (): void => {
    this.#input.setRawMode(true);
    this.#screen.open();
    this.#draw();
  };

  readonly #restore = (): void => {
    this.#screen.close();
    this.#input.setRawMode(false);
  };

  #suspend(): void {
    this.#restore();
    process.kill(process.pid, "SIGTSTP");
  }

  /** Once for all keys that came together: a paste without brackets is thousands. */
  #drawSoon(): void {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    setImmediate(() => {
      this.#isDrawing = false;
      if (!this.#isClosed) this.#draw();
    });
  }

  #draw(): void {
    this.#screen.showInput(this.#inputRow());
  }

  #inputRow(): InputRow {
    const { user, recipient, isOffline } = this.#prompt;
    const columns = this.#screen.columns - 1;
    const names = printable(
      `${user}${recipient === undefined ? "" : ` → ${recipient}`}${isOffline ? " (offline)" : ""}`,
    );
    const prompt = truncate(names, Math.floor(columns / 2)) + promptEnd;
    const promptWidth = textWidth(prompt);
    const { text, cursorColumn } = this.#editor.window(Math.max(columns - promptWidth, 2));
    return {
      text: this.#paint("bold", prompt) + text,
      width: promptWidth + textWidth(text),
      cursorColumn: promptWidth + cursorColumn,
    };
  }
}
