/**
 * A terminal for tests: takes what a program writes and keeps what a person would see. Strict: it knows the few
 * sequences that the chat uses, and throws at any other control character or sequence, so that whatever a hostile
 * message smuggled in is found.
 */
import { clustersOf } from "../text-layout.ts";

/** ESC [ parameters final: the only kind of sequence there is. */
const escapeCharacter = "\x1b";
const sequence = /^\[(\??)([\d;]*)([A-Za-z])/;
const incomplete = /^(\[[\d;?]*)?$/;

export class Terminal {
  columns: number;
  readonly rows: number;
  column = 0;
  row = 0;
  bracketedPaste = false;
  /** Rows that went out at the top. */
  readonly scrolledOut: string[] = [];
  #cells: string[][];
  #pending = "";
  /** The last cell of a row was written: the next character wraps. */
  #isFull = false;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
    this.#cells = Array.from({ length: rows }, () => []);
  }

  /** What is on the screen, without trailing blanks; trailing empty rows are left out. */
  get screen(): string[] {
    const rows = this.#cells.map(textOf);
    return rows.slice(0, rows.findLastIndex((row) => row !== "") + 1);
  }

  /** Everything there ever was, from the first row. */
  get all(): string {
    return [...this.scrolledOut, ...this.screen].join("\n");
  }

  /** The row that the cursor is in. */
  get inputRow(): string {
    return textOf(this.#cells[this.row] ?? []);
  }

  write(text: string): void {
    let rest = this.#pending + text;
    this.#pending = "";
    while (rest !== "") {
      if (rest.startsWith(escapeCharacter) && incomplete.test(rest.slice(1))) {
        this.#pending = rest;
        return;
      }
      rest = rest.slice(this.#take(rest));
    }
  }

  /** Processes the beginning of `rest`; returns how much. */
  #take(rest: string): number {
    const found = rest.startsWith(escapeCharacter) ? sequence.exec(rest.slice(1)) : null;
    if (found) {
      this.#control(found[1] ?? "", found[2] ?? "", found[3] ?? "");
      return escapeCharacter.length + found[0].length;
    }
    if (rest.startsWith("\r")) {
      this.column = 0;
      this.#isFull = false;
      return 1;
    }
    if (rest.startsWith("\n")) {
      this.#lineFeed();
      return 1;
    }
    const plain = /^[^\p{Cc}]+/u.exec(rest)?.[0];
    if (plain === undefined) throw new Error(`a control character reached the terminal: ${JSON.stringify(rest)}`);
    for (const { text, width } of clustersOf(plain)) this.#put(text, width);
    return plain.length;
  }

  #control(mark: string, parameters: string, final: string): void {
    const count = Number(parameters) || 1;
    this.#isFull &&= final === "m";
    if (mark === "" && final === "A") this.row = Math.max(this.row - count, 0);
    else if (mark === "" && final === "B") this.row = Math.min(this.row + count, this.rows - 1);
    else if (mark === "" && final === "C") this.column = Math.min(this.column + count, this.columns - 1);
    else if (final === "H" && parameters === "") this.row = this.column = 0;
    else if (final === "K" && parameters === "") this.#cells[this.row]?.splice(this.column);
    else if (final === "J" && parameters === "2") this.#cells = this.#cells.map(() => []);
    else if (final === "J" && parameters === "") this.#eraseBelow();
    else if (mark === "?" && parameters === "2004") this.bracketedPaste = final === "h";
    else if (mark !== "" || final !== "m") throw new Error(`an unknown sequence: ESC [ ${mark}${parameters}${final}`);
  }

  #eraseBelow(): void {
    this.#cells[this.row]?.splice(this.column);
    for (let row = this.row + 1; row < this.rows; row++) this.#cells[row] = [];
  }

  #put(text: string, width: number): void {
    if (this.#isFull || this.column + width > this.columns) {
      this.column = 0;
      this.#lineFeed();
    }
    const cells = this.#cells[this.row] as string[];
    while (cells.length < this.column) cells.push(" ");
    if (width === 0) cells[this.column - 1] = `${cells[this.column - 1] ?? ""}${text}`;
    else cells.splice(this.column, width, text, ...Array.from({ length: width - 1 }, () => ""));
    this.#isFull = this.column + width === this.columns;
    this.column = Math.min(this.column + width, this.columns - 1);
  }

  #lineFeed(): void {
    this.#isFull = false;
    if (this.row < this.rows - 1) this.row += 1;
    else {
      this.scrolledOut.push(textOf(this.#cells.shift() ?? []));
      this.#cells.push([]);
    }
  }
}

function textOf(cells: readonly string[]): string {
  return cells.join("").trimEnd();
}
