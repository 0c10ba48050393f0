/** Lists in parts, by name: what was added or removed in between shifts nothing. */

/** The first `limit` of `keys` after `after`, in order, and the last of them if there are more. */
export function pageOf<K extends string>(keys: Iterable<K>, after: string, limit: number): { page: K[]; next?: K } {
  const sorted = [...keys].filter((key) => key > after).sort();
  const page = sorted.slice(0, limit);
  const last = page.at(-1);
  return sorted.length > limit && last !== undefined ? { page, next: last } : { page };
}
