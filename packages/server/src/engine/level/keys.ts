/** The keys of the level engine in LevelDB (docs/adr/0005-value-files.md). Keys are UTF-8; none contains U+10FFFF. */

const separator = "\0";

/** A number as text that sorts as numbers do; also the name of a numbered file. */
export function sortable(n: number): string {
  return n.toString(36).padStart(11, "0");
}

export function parseSortable(text: string): number {
  return Number.parseInt(text, 36);
}

export const keys = {
  schema: "!schema",
  /** The number of the first journal record that no checkpoint has moved: the name of the first journal file. */
  journalStart: "!journal",
  /** JSON: the volume that pointers are written to now, and its bytes. */
  volume: "!volume",
  head: (log: string) => `h!${log}`,
  /** Where a chunk is. */
  pointer: (volume: number, log: string, firstSeq: number) =>
    `c!${sortable(volume)}!${log}${separator}${sortable(firstSeq)}`,
  /** JSON: the size of a chunk file, and how much of it is still pointed to. */
  chunkFile: (file: number) => `f!${sortable(file)}`,
  record: (kind: string, key: string) => `r!${kind}!${key}`,
  generation: (generation: number) => `g!${sortable(generation)}`,
} as const;

/** The range of keys that begin with `prefix`. */
export function prefixRange(prefix: string): { gte: string; lt: string } {
  return { gte: prefix, lt: `${prefix}\u{10ffff}` };
}

/** The volume that a pointer's key begins with. */
export function pointerVolume(key: string): number {
  return parseSortable(key.slice(2, key.indexOf("!", 2)));
}

/** The seq that a pointer's key ends with. */
export function pointerFirstSeq(key: string): number {
  return parseSortable(key.slice(key.lastIndexOf(separator) + 1));
}
