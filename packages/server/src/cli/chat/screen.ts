/**
 * The lower end of a scrolling terminal: finished rows go up, the row being typed stays last and keeps its text and
 * cursor. Invariant: between two calls the cursor is in the input row, which is one row high. Knows how many rows went
 * up since each marked row, so that its first cells can still be changed while it is on the screen.
 */

export interface ScreenOutput {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/** The input row: at most `columns` − 1 cells, styles included in the text but not in the widths. */
export interface InputRow {
  readonly text: string;
  readonly width: number;
  readonly cursorColumn: number;
}

const defaultColumns = 80;
const defaultRows = 24;
const csi = "\x1b[";
const eraseToEndOfRow = `${csi}K`;
const eraseBelow = `${csi}J`;
const bracketedPaste = { on: `${csi}?2004h`, off: `${csi}?2004l` };

export class Screen {
  readonly #output: ScreenOutput;
  #input: InputRow = { text: "", width: 0, cursorColumn: 0 };
  /** Rows from each marked row down to the input row. */
  readonly #marked = new Map<string, number>();

  constructor(output: ScreenOutput) {
    this.#output = output;
  }

  get columns(): number {
    return this.#output.columns || defaultColumns;
  }

  get #rows(): number {
    return this.#output.rows || defaultRows;
  }

  open(): void {
    this.#output.write(bracketedPaste.on);
  }

  /** Leaves the terminal as it was, without the input row. */
  close(): void {
    this.#output.write(`\r${eraseToEndOfRow}${bracketedPaste.off}`);
  }

  /** Shows another input row. */
  showInput(input: InputRow): void {
    this.#input = input;
    this.#output.write(this.#inputText());
  }

  /** Puts rows above the input row. With `id`, the first of them can be changed by `change` later. */
  print(rows: readonly string[], id?: string): void {
    const texts = rows.map((row) => `${row}${eraseToEndOfRow}\r\n`);
    this.#output.write(`\r${eraseToEndOfRow}${texts.join("")}${this.#inputText()}`);
    for (const [marked, distance] of this.#marked) {
      if (distance + rows.length < this.#rows) this.#marked.set(marked, distance + rows.length);
      else this.#marked.delete(marked);
    }
    if (id !== undefined && rows.length < this.#rows) this.#marked.set(id, rows.length);
  }

  /** Writes `text` over the first cells of a marked row. False when that is not on the screen any more. */
  change(id: string, text: string): boolean {
    const distance = this.#marked.get(id);
    if (distance === undefined) return false;
    this.#output.write(`${csi}${distance}A\r${text}${csi}${distance}B\r${forward(this.#input.cursorColumn)}`);
    return true;
  }

  /** The row will not be changed any more. */
  forget(id: string): void {
    this.#marked.delete(id);
  }

  /** Empties the screen but for the input row. */
  clear(): void {
    this.#marked.clear();
    this.#output.write(`${csi}H${csi}2J${this.#inputText()}`);
  }

  /**
   * The terminal has another size. Terminals break rows anew, so nobody knows where the marked ones are; the input row
   * may have become several.
   */
  resized(input: InputRow): void {
    const rowsAbove = Math.floor(this.#input.cursorColumn / this.columns);
    this.#marked.clear();
    this.#input = input;
    this.#output.write(`${rowsAbove > 0 ? `${csi}${rowsAbove}A` : ""}\r${eraseBelow}${this.#inputText()}`);
  }

  #inputText(): string {
    const { text, cursorColumn } = this.#input;
    return `\r${text}${eraseToEndOfRow}\r${forward(cursorColumn)}`;
  }
}

/** To a column from the first one; a terminal takes a distance of 0 for 1. */
function forward(columns: number): string {
  return columns > 0 ? `${csi}${columns}C` : "";
}
