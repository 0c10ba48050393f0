/** LevelDB as this engine uses it: text keys, values of bytes. */
import type { ClassicLevel, IteratorOptions } from "classic-level";

export type Database = ClassicLevel<string, Buffer>;

export type Operation =
  | { readonly type: "put"; readonly key: string; readonly value: Buffer }
  | { readonly type: "del"; readonly key: string };

const firstPage = 16;
const laterPages = 1000;

/**
 * All entries in a range. Most ranges hold few: an iterator's own `all` sets 64 kB aside for a thousand, and keeps them until V8
 * collects the iterator, which was half of what connecting cost in memory.
 */
export async function entriesIn(
  db: Database,
  range: IteratorOptions<string, Buffer>,
): Promise<[key: string, value: Buffer][]> {
  const iterator = db.iterator(range);
  try {
    const found = await iterator.nextv(firstPage);
    for (let page = found; page.length > 0; ) {
      page = await iterator.nextv(laterPages);
      for (const entry of page) found.push(entry);
    }
    return found;
  } finally {
    await iterator.close();
  }
}
