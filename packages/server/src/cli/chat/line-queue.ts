/** Entered lines on their way to the one who works on them, in order; it ends once, and what was entered before counts. */
export class LineQueue implements AsyncIterable<string> {
  readonly #lines: string[] = [];
  #waiting: (() => void) | undefined;
  #isOver = false;

  push(line: string): void {
    if (this.#isOver) return;
    this.#lines.push(line);
    this.#waiting?.();
  }

  end(): void {
    this.#isOver = true;
    this.#waiting?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    while (true) {
      const line = this.#lines.shift();
      if (line !== undefined) yield line;
      else if (this.#isOver) return;
      else
        await new Promise<void>((resolve) => {
          this.#waiting = resolve;
        });
    }
  }
}
