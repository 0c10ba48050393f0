/** What is seen while it is measured: one line that is rewritten on a terminal, nothing elsewhere. */
export class Progress {
  readonly #output: NodeJS.WriteStream;

  constructor(output: NodeJS.WriteStream) {
    this.#output = output;
  }

  show(text: string): void {
    if (this.#output.isTTY) this.#output.write(`\r\x1b[K${text.slice(0, (this.#output.columns ?? 80) - 1)}`);
  }

  /** Before something else is written. */
  clear(): void {
    if (this.#output.isTTY) this.#output.write("\r\x1b[K");
  }
}
