/**
 * Tells of own messages whose ticks cannot be shown beside them any more, because they have left the screen: one short
 * line for all that come together.
 */
import type { Fate } from "./chat-view.ts";

const collectMs = 300;

export class FateNotes {
  readonly #say: (text: string) => void;
  readonly #counts = new Map<Fate, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  add(fate: Fate): void {
    this.#counts.set(fate, (this.#counts.get(fate) ?? 0) + 1);
    this.#timer ??= setTimeout(() => this.#tell(), collectMs);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #tell(): void {
    this.#timer = undefined;
    for (const [fate, count] of this.#counts) {
      const mark = { stored: "✓", delivered: "✓✓", refused: "✗" }[fate];
      this.#say(`${mark} ${count === 1 ? "an earlier message" : `${count} earlier messages`}: ${fate}`);
    }
    this.#counts.clear();
  }
}
