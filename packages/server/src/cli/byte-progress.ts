/** How far a transfer is, in one line on a terminal that replaces itself; nothing where standard error is none. */

const everyMs = 200;

export class ByteProgress {
  readonly #what: string;
  readonly #total: number | undefined;
  readonly #began = performance.now();
  #shown = 0;
  bytes = 0;

  /** `total`: how many bytes there will be, where that is known. */
  constructor(what: string, total?: number) {
    this.#what = what;
    this.#total = total;
  }

  /** Passes `source` on and counts. */
  async *of(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      for await (const part of source) {
        this.bytes += part.length;
        this.#show();
        yield part;
      }
    } finally {
      if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
    }
  }

  #show(): void {
    const now = performance.now();
    if (!process.stderr.isTTY || now - this.#shown < everyMs) return;
    this.#shown = now;
    const share = this.#total ? ` (${Math.floor((100 * this.bytes) / this.#total)} %)` : "";
    process.stderr.write(`\r\x1b[K${this.#what}: ${megabytes(this.bytes)}${share}`);
  }

  /** What was done, for the end: `12.3 MB … in 0.4 s`. */
  summary(where: string): string {
    return `${megabytes(this.bytes)} ${where} in ${((performance.now() - this.#began) / 1000).toFixed(1)} s`;
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
