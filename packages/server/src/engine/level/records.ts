/**
 * The small records (users, rooms, memberships, cursors, heads of logs): in LevelDB as the last checkpoint left them, and
 * above that, in memory, what the journal has of them. A change is durable with its commit's journal record.
 */

import { type Database, entriesIn, type Operation } from "./database.ts";
import { prefixRange } from "./keys.ts";
import { seal, unseal } from "./seal.ts";

/** A key of `keys` and its JSON text; null deletes. */
export type RecordChange = readonly [key: string, text: string | null];

/** Changes by group, so that a scan for one user need not look at everybody's. */
type Changes = Map<string, Map<string, string | null>>;

/** Keys of several words are grouped by the first, all others by kind. */
function groupOf(key: string): string {
  const space = key.indexOf(" ");
  return key.slice(0, space === -1 ? key.indexOf("!") : space);
}

export class Records {
  readonly #db: Database;
  #recent: Changes = new Map();
  #flushing: Changes = new Map();

  constructor(db: Database) {
    this.#db = db;
  }

  /** A commit with these changes is on disk. */
  apply(changes: readonly RecordChange[]): void {
    for (const [key, text] of changes) {
      const name = groupOf(key);
      let group = this.#recent.get(name);
      if (!group) {
        group = new Map();
        this.#recent.set(name, group);
      }
      group.set(key, text);
    }
  }

  async get(key: string): Promise<string | undefined> {
    for (const changes of [this.#recent, this.#flushing]) {
      const text = changes.get(groupOf(key))?.get(key);
      if (text !== undefined) return text ?? undefined;
    }
    const stored = await this.#db.get(key);
    return stored && unseal(stored, key);
  }

  /** All records whose key begins with `prefix` and sorts after `after`, in key order, up to `limit`. */
  async scan(prefix: string, after = "", limit = Number.POSITIVE_INFINITY): Promise<[key: string, text: string][]> {
    const { gte, lt } = prefixRange(prefix);
    const changed = [...changesIn(this.#flushing, prefix), ...changesIn(this.#recent, prefix)];
    const range = after > gte ? { gt: after, lt } : { gte, lt };
    // Deleted ones among those stored must not shorten the page.
    const deleted = changed.filter(([, text]) => text === null).length;
    const most = limit === Number.POSITIVE_INFINITY ? -1 : limit + deleted;
    const stored = await entriesIn(this.#db, { ...range, limit: most });
    const found = new Map(stored.map(([key, value]) => [key, unseal(value, key)]));
    for (const [key, text] of changed) {
      if (text === null) found.delete(key);
      else if (key > after) found.set(key, text);
    }
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, limit);
  }

  /** Hands what has changed to a checkpoint, which writes `operations` and then calls `flushed`. */
  startFlush(): void {
    this.#flushing = this.#recent;
    this.#recent = new Map();
  }

  *operations(): Generator<Operation> {
    for (const group of this.#flushing.values())
      for (const [key, text] of group)
        yield text === null ? { type: "del", key } : { type: "put", key, value: seal(text) };
  }

  flushed(): void {
    this.#flushing = new Map();
  }
}

function* changesIn(changes: Changes, prefix: string): Generator<RecordChange> {
  const oneGroup = prefix.includes(" ");
  const groups = oneGroup ? [changes.get(groupOf(prefix)) ?? []] : changes.values();
  for (const group of groups) for (const change of group) if (change[0].startsWith(prefix)) yield change;
}
