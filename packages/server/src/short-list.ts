/**
 * Lists that most often get one or two members before they are done with, as each log and each connection has in a turn. An
 * array that is pushed to grows to 17 places at once, most of what a message would leave to the garbage collector. Hot path.
 */

/** The list to go on with: `list`, which has at least one member, with `next` behind them. */
export function withNext<T>(list: T[], next: T): T[] {
  if (list.length === 1) return [list[0] as T, next];
  list.push(next);
  return list;
}
