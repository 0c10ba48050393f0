/** What is to happen at a time, soonest first: a binary heap. */
export interface Timed {
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export class TimeQueue<T extends Timed> {
  readonly #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  get first(): T | undefined {
    return this.#heap[0];
  }

  push(item: T): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as T;
      if (above.at <= item.at) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = item;
  }

  /** Takes up to `limit` whose time has come at `now`. */
  due(now: number, limit: number): T[] {
    const taken: T[] = [];
    while (taken.length < limit) {
      const { first } = this;
      if (first === undefined || first.at > now) break;
      taken.push(first);
      this.#dropFirst();
    }
    return taken;
  }

  #dropFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as T;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= heap.length) break;
      const right = left + 1;
      const next = right < heap.length && (heap[right] as T).at < (heap[left] as T).at ? right : left;
      const below = heap[next] as T;
      if (last.at <= below.at) break;
      heap[at] = below;
      at = next;
    }
    heap[at] = last;
  }
}
