/**
 * How much room text takes in a terminal, and where it breaks. Works on what a person sees as one character (grapheme
 * cluster). Terminals disagree on a few of them, so callers must stay harmless when a width is off by one.
 */

export interface Cluster {
  readonly text: string;
  /** Cells: 0, 1 or 2. */
  readonly width: number;
}

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const ascii = /^[\x20-\x7e]*$/;
const wide =
  /\p{Emoji_Presentation}|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|[\u{1100}-\u{115f}\u{3000}-\u{303e}\u{3041}-\u{33ff}\u{fe30}-\u{fe6f}\u{ff01}-\u{ff60}\u{ffe0}-\u{ffe6}]|\u{fe0f}/u;
const halfWidth = /^[\u{ff61}-\u{ffdc}]/u;
const zeroWidth = /^[\p{M}\p{Cf}]+$/u;

/** Splits printable text into clusters. */
export function clustersOf(text: string): Cluster[] {
  if (ascii.test(text)) return Array.from(text, (character) => ({ text: character, width: 1 }));
  return Array.from(segmenter.segment(text), ({ segment }) => ({ text: segment, width: clusterWidth(segment) }));
}

/** Cells that printable text takes in one row. */
export function textWidth(text: string): number {
  if (ascii.test(text)) return text.length;
  return clustersOf(text).reduce((sum, { width }) => sum + width, 0);
}

/** As much of the beginning as fits into `columns`, with an ellipsis where something was left out. */
export function truncate(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  let kept = "";
  let width = 0;
  for (const cluster of clustersOf(text)) {
    if (width + cluster.width > columns - 1) break;
    kept += cluster.text;
    width += cluster.width;
  }
  return columns > 0 ? `${kept}…` : "";
}

/** Breaks a line into rows: the first of at most `first` cells, the others of `rest`; at spaces where it can. */
export function wrap(line: string, first: number, rest: number): string[] {
  const rows: string[] = [];
  let row: Cluster[] = [];
  let width = 0;
  for (const cluster of clustersOf(line)) {
    const columns = Math.max(rows.length === 0 ? first : rest, 2);
    if (width + cluster.width > columns) {
      const carried = row.splice(breakAfter(row, cluster));
      rows.push(textOf(row).trimEnd());
      row = carried;
      width = carried.reduce((sum, part) => sum + part.width, 0);
      // The space at which a line breaks is the break.
      if (cluster.text === " " && row.length === 0) continue;
    }
    row.push(cluster);
    width += cluster.width;
  }
  rows.push(textOf(row));
  return rows;
}

/** How much of a full row stays: up to its last space, unless that would leave most of the row empty. */
function breakAfter(row: readonly Cluster[], next: Cluster): number {
  if (next.text === " ") return row.length;
  const space = row.findLastIndex(({ text }) => text === " ");
  return space >= row.length / 2 ? space + 1 : row.length;
}

function textOf(clusters: readonly Cluster[]): string {
  return clusters.map(({ text }) => text).join("");
}

function clusterWidth(cluster: string): number {
  if (zeroWidth.test(cluster)) return 0;
  if (halfWidth.test(cluster)) return 1;
  return wide.test(cluster) ? 2 : 1;
}
