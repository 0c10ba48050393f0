/**
 * What is seen while a replay runs: one line that is rewritten on a terminal, a line now and then elsewhere.
 */

const terminalEveryMs = 250;
const elsewhereEveryMs = 5_000;

export interface ProgressOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export class Progress {
  readonly #output: ProgressOutput;
  readonly #describe: () => string;
  readonly #timer: NodeJS.Timeout;

  /** Shows what `describe` says until `stop`. */
  constructor(output: ProgressOutput, describe: () => string) {
    this.#output = output;
    this.#describe = describe;
    this.#timer = setInterval(() => this.#show(), output.isTTY ? terminalEveryMs : elsewhereEveryMs);
  }

  /** Writes a line that stays. */
  note(text: string): void {
    this.#output.write(`${this.#output.isTTY ? "\r\x1b[K" : ""}${text}\n`);
  }

  stop(): void {
    clearInterval(this.#timer);
    if (this.#output.isTTY) this.#output.write("\r\x1b[K");
  }

  #show(): void {
    const text = this.#describe();
    if (this.#output.isTTY) this.#output.write(`\r\x1b[K${text.slice(0, (this.#output.columns ?? 80) - 1)}`);
    else this.#output.write(`${text}\n`);
  }
}
