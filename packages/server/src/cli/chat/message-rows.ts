/**
 * Rows of the chat: a gutter of three cells for the ticks, time and names, then the body. What does not fit goes on in
 * rows of its own, indented, so that no body can look like another person's message. Every row fits into the terminal.
 */
import { shortTime } from "../clock-text.ts";
import { bodyLines, correspondents, type Showable } from "../message-head.ts";
import { nameStyle, type Paint } from "../paint.ts";
import { printable, printableLines } from "../printable.ts";
import { textWidth, truncate, wrap } from "../text-layout.ts";
import type { Fate } from "./chat-view.ts";

export interface RowStyle {
  readonly columns: number;
  readonly self: string;
  readonly paint: Paint;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What the gutter shows about an own message. */
export const ticks: Readonly<Record<Fate | "sending", string>> = {
  sending: "·  ",
  stored: "✓  ",
  delivered: "✓✓ ",
  refused: "✗  ",
};
const emptyGutter = "   ";
const noticeGutter = " – ";
const problemGutter = " ! ";
const indent = 6;
const dividerColumns = 48;
const gutterWidth = emptyGutter.length;
/** A row is worth beginning a body in when at least so many cells are left in it. */
const minBodyColumns = 12;

/** The ticks, painted. */
export function tick(fate: Fate | "sending", paint: Paint): string {
  if (fate === "refused") return paint("red", ticks[fate]);
  return fate === "delivered" ? paint("green", ticks[fate]) : paint("dim", ticks[fate]);
}

/** A message as rows. `gutter` is three cells wide. */
export function messageRows(
  message: Showable,
  style: RowStyle,
  { gutter = emptyGutter, isEarlier = false }: { readonly gutter?: string; readonly isEarlier?: boolean } = {},
): string[] {
  const { paint, self, now } = style;
  const room = rowColumns(style) - gutterWidth;
  const time = printable(shortTime(message.ts, now));
  const names = truncate(correspondents(message, self), Math.max(room - time.length - 2, 1));
  const name = isEarlier ? paint("dim", `${names}:`) : `${paint(nameStyle(message.from), names)}:`;
  const headWidth = time.length + 1 + textWidth(names) + 2;
  const body = bodyRows(bodyLines(message), room - headWidth, room - indent).map((row) =>
    isEarlier ? paint("dim", row) : row,
  );
  const first = room - headWidth >= minBodyColumns ? body.shift() : "";
  const blank = emptyGutter + " ".repeat(indent);
  return [`${gutter}${paint("dim", time)} ${name} ${first}`, ...body.map((row) => blank + row)];
}

/** A line across, with a word in it. */
export function dividerRow(text: string, style: RowStyle): string {
  const columns = Math.min(rowColumns(style), dividerColumns);
  const label = truncate(`── ${printable(text)} `, columns);
  return style.paint("dim", label + "─".repeat(Math.max(columns - textWidth(label), 0)));
}

/** Something the program says. */
export function noticeRows(text: string, style: RowStyle, isProblem = false): string[] {
  const columns = rowColumns(style) - gutterWidth;
  return printableLines(text)
    .flatMap((line) => wrap(line, columns, columns))
    .map((row, index) => {
      const gutter = index > 0 ? emptyGutter : isProblem ? problemGutter : noticeGutter;
      return style.paint(isProblem ? "red" : "dim", gutter + row);
    });
}

/** Terminals differ about a few widths: one cell is left free. */
function rowColumns({ columns }: RowStyle): number {
  return Math.max(columns - 1, gutterWidth + indent + 2);
}

function bodyRows(lines: readonly string[], first: number, rest: number): string[] {
  const isBegun = first >= minBodyColumns;
  return lines.flatMap((line, index) => wrap(line, index === 0 && isBegun ? first : rest, rest));
}
