/**
 * The chat without a terminal: lines of standard input are what is entered, everything is printed as a line that stays
 * as it is. Messages go to standard output (own ones when they are stored, and again when they have arrived), notices
 * and problems to standard error.
 */
import { isUtf8 } from "node:buffer";
import { complain } from "../complaint.ts";
import { splitLines } from "../input.ts";
import type { LineWriter } from "../line-writer.ts";
import type { Showable } from "../message-head.ts";
import type { Paint } from "../paint.ts";
import type { ChatView, Fate, Prompt } from "./chat-view.ts";
import { messageRows, ticks } from "./message-rows.ts";

/** Without a terminal rows are as long as they are. */
const columns = Number.MAX_SAFE_INTEGER;
const noPaint: Paint = (_, text) => text;

export class PlainView implements ChatView {
  readonly lines: AsyncIterable<string>;
  readonly #input: NodeJS.ReadStream;
  readonly #output: LineWriter;
  readonly #own = new Map<string, Showable>();
  #self: string;

  constructor(input: NodeJS.ReadStream, output: LineWriter, user: string) {
    this.#input = input;
    this.#output = output;
    this.#self = user;
    this.lines = this.#read();
  }

  message(message: Showable): Promise<void> {
    return this.#print(message, "   ");
  }

  own(clientId: string, message: Showable): void {
    this.#own.set(clientId, message);
  }

  settle(clientId: string, fate: Fate): void {
    const message = this.#own.get(clientId);
    if (message) this.#print(message, ticks[fate]).catch(() => {});
    // A message to a room gets no receipt, and would wait for it here for ever.
    const isWaiting = fate === "stored" && typeof message?.to === "string" && !/^[#*]/.test(message.to);
    if (!isWaiting) this.#own.delete(clientId);
  }

  notice(text: string): void {
    for (const line of text.split("\n")) complain(line);
  }

  divider(text: string): void {
    complain(`── ${text} ──`);
  }

  problem(text: string): void {
    complain(text);
  }

  prompt({ user }: Prompt): void {
    this.#self = user;
  }

  close(): void {
    this.#input.destroy();
  }

  /** Reads on when the former line was worked on, so that a long input waits instead of filling the memory. */
  async *#read(): AsyncGenerator<string, void, undefined> {
    try {
      for await (const line of splitLines(this.#input)) {
        if (isUtf8(line)) yield line.toString("utf8");
        else complain("a line that is not UTF-8 was left out (`parley send --lines` sends such lines as bytes)");
      }
    } catch (error) {
      if (!this.#input.destroyed) throw error;
    }
  }

  /** Rejects when nobody reads any more, so that what was not read is not acknowledged. */
  async #print(message: Showable, gutter: string): Promise<void> {
    const style = { columns, self: this.#self, paint: noPaint, now: Date.now() };
    const written = await this.#output.write(messageRows(message, style, { gutter }).join("\n"));
    if (written === "written") return;
    this.close();
    throw new Error("standard output is closed");
  }
}
