/**
 * The line being typed: text and cursor, and what keys do to them. Counts in grapheme clusters, so that a key takes
 * away or steps over what a person sees as one character. Pure state: `terminal-view.ts` feeds and shows it.
 */
import { printable } from "../printable.ts";
import { type Cluster, clustersOf, textWidth } from "../text-layout.ts";

/** What of the line is shown in one row. */
export interface LineWindow {
  /** Printable, at most as wide as asked. */
  readonly text: string;
  /** Cells from the beginning of `text` to the cursor. */
  readonly cursorColumn: number;
}

const maxRemembered = 200;
const ascii = /^[\x20-\x7e]*$/;
const lineBreak = "⏎";

export class LineEditor {
  #clusters: string[] = [];
  #cursor = 0;
  /** Lines entered before, oldest first; and where among them the person is looking. */
  #entered: string[] = [];
  #recalled: number | undefined;
  #draft = "";

  get text(): string {
    return this.#clusters.join("");
  }

  get isEmpty(): boolean {
    return this.#clusters.length === 0;
  }

  /** Puts text in at the cursor. A combining character joins what stands before it. */
  insert(text: string): void {
    const before = this.#clusters.slice(0, this.#cursor);
    const after = this.#clusters.slice(this.#cursor);
    const joined = ascii.test(text) ? [...before, ...text] : split(before.join("") + text);
    this.#clusters = [...joined, ...after];
    this.#cursor = joined.length;
  }

  /** Moves by clusters: negative is to the left. */
  move(by: number): void {
    this.#cursor = Math.min(Math.max(this.#cursor + by, 0), this.#clusters.length);
  }

  home(): void {
    this.#cursor = 0;
  }

  end(): void {
    this.#cursor = this.#clusters.length;
  }

  wordLeft(): void {
    this.#cursor = this.#wordStart();
  }

  wordRight(): void {
    while (this.#isSpaceAt(this.#cursor)) this.#cursor += 1;
    while (this.#cursor < this.#clusters.length && !this.#isSpaceAt(this.#cursor)) this.#cursor += 1;
  }

  deleteBefore(): void {
    if (this.#cursor > 0) this.#removeFrom(this.#cursor - 1);
  }

  deleteAfter(): void {
    this.#clusters.splice(this.#cursor, 1);
  }

  deleteWordBefore(): void {
    this.#removeFrom(this.#wordStart());
  }

  deleteToStart(): void {
    this.#removeFrom(0);
  }

  deleteToEnd(): void {
    this.#clusters.length = this.#cursor;
  }

  /** Shows the line entered before the one shown now, or after it; what was being typed is at the end. */
  recall(step: -1 | 1): void {
    const from = this.#recalled ?? this.#entered.length;
    const to = from + step;
    if (to < 0 || to > this.#entered.length) return;
    if (from === this.#entered.length) this.#draft = this.text;
    this.#recalled = to;
    this.#replace(this.#entered[to] ?? this.#draft);
  }

  /** Takes the line out, to be sent; it can be recalled. */
  enter(): string {
    const { text } = this;
    if (text !== "" && text !== this.#entered.at(-1)) this.#entered.push(text);
    if (this.#entered.length > maxRemembered) this.#entered.shift();
    this.#recalled = undefined;
    this.#replace("");
    return text;
  }

  /** The part around the cursor that fits into `columns`, as it is shown. */
  window(columns: number): LineWindow {
    const cells = this.#clusters.map(shown);
    let start = 0;
    let cursorColumn = widthOf(cells.slice(0, this.#cursor));
    // One cell is left for the cursor behind the last character.
    while (cursorColumn > columns - 1 && start < this.#cursor) cursorColumn -= cells[start++]?.width ?? 0;
    let text = "";
    let width = 0;
    for (const cell of cells.slice(start)) {
      if (width + cell.width > columns) break;
      text += cell.text;
      width += cell.width;
    }
    return { text, cursorColumn };
  }

  #replace(text: string): void {
    this.#clusters = split(text);
    this.#cursor = this.#clusters.length;
  }

  #removeFrom(start: number): void {
    this.#clusters.splice(start, this.#cursor - start);
    this.#cursor = start;
  }

  #wordStart(): number {
    let start = this.#cursor;
    while (start > 0 && this.#isSpaceAt(start - 1)) start -= 1;
    while (start > 0 && !this.#isSpaceAt(start - 1)) start -= 1;
    return start;
  }

  #isSpaceAt(index: number): boolean {
    return this.#clusters[index]?.trim() === "";
  }
}

function split(text: string): string[] {
  return clustersOf(text).map((cluster) => cluster.text);
}

/** A cluster as it looks in the row: a line break (pasted) stays in the row, a control character is spelled out. */
function shown(cluster: string): Cluster {
  const text = cluster === "\n" ? lineBreak : printable(cluster);
  return { text, width: textWidth(text) };
}

function widthOf(cells: readonly Cluster[]): number {
  return cells.reduce((sum, { width }) => sum + width, 0);
}
