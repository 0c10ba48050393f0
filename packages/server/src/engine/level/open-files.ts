/**
 * Reads blocks of many files, of which it keeps the most recently used ones open. Used for chunks, and for receipts where
 * a `clientId` may be a repeat.
 */
import { close, open, read } from "node:fs";
import { promisify } from "node:util";
import { blockHeadBytes, decodeBlock } from "./block-file.ts";

const maxOpen = 128;
const openAsync = promisify(open);
const closeAsync = promisify(close);

interface OpenFile {
  readonly descriptor: Promise<number>;
  /** Reads under way: it is not closed before they end. */
  readers: number;
}

export class OpenFiles {
  /** The least recently used first. */
  readonly #files = new Map<string, OpenFile>();

  /** The content of the block of `length` bytes at `at`. Rejects with `CorruptStore` where it is damaged. */
  async block(path: string, at: number, length: number): Promise<Buffer> {
    return decodeBlock(await this.#read(path, at, length), `${path} at ${at}`);
  }

  /** The content of a block whose length is not known. */
  async blockAt(path: string, at: number): Promise<Buffer> {
    const head = await this.#read(path, at, blockHeadBytes);
    const length = head.length < blockHeadBytes ? 0 : head.readUInt32BE(0);
    return this.block(path, at, blockHeadBytes + length);
  }

  async #read(path: string, at: number, length: number): Promise<Buffer> {
    const file = this.#files.get(path) ?? { descriptor: openAsync(path, "r"), readers: 0 };
    this.#files.delete(path);
    this.#files.set(path, file);
    file.readers += 1;
    try {
      const descriptor = await file.descriptor.catch((error: Error) => {
        this.#files.delete(path);
        throw error;
      });
      return await new Promise<Buffer>((resolve, reject) => {
        const bytes = Buffer.allocUnsafe(length);
        read(descriptor, bytes, 0, length, at, (error, count) => {
          if (error) reject(error);
          else resolve(bytes.subarray(0, count));
        });
      });
    } finally {
      file.readers -= 1;
      if (this.#files.size > maxOpen) this.#closeOldest();
    }
  }

  #closeOldest(): void {
    for (const [path, file] of this.#files) {
      if (file.readers > 0) continue;
      void this.forget(path);
      return;
    }
  }

  /** Closes a file that nobody reads any more. */
  async forget(path: string): Promise<void> {
    const file = this.#files.get(path);
    this.#files.delete(path);
    // One that could not be opened needs no closing.
    const descriptor = await file?.descriptor.catch(() => undefined);
    if (descriptor !== undefined) await closeAsync(descriptor);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#files.keys()].map((path) => this.forget(path)));
  }
}
