/** Waits for something to appear in what a child process writes, without looking at the clock but to give up. */
import type { Readable } from "node:stream";

const timeoutMs = 15_000;

export class WatchedOutput {
  text = "";
  readonly #looks = new Set<() => void>();

  /** `onText` is given each piece first. */
  constructor(stream: Readable, onText: (text: string) => void = () => {}) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      this.text += text;
      onText(text);
      for (const look of this.#looks) look();
    });
  }

  /** Resolves when `condition` holds; it is asked whenever there is more. Rejects with what `show` says otherwise. */
  until(condition: () => boolean, what: string, show: () => string = () => this.text): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error(`waited in vain for: ${what}\n${show()}`)), timeoutMs);
    const look = () => {
      try {
        if (condition()) resolve();
      } catch (error) {
        reject(error);
      }
    };
    this.#looks.add(look);
    look();
    return promise.finally(() => {
      clearTimeout(timer);
      this.#looks.delete(look);
    });
  }
}
