/**
 * Files of blocks: written once from front to back, then only read. A block is its length, its CRC-32 (both 32 bits) and
 * its content. Chunks, receipts and filters are kept in such files.
 */
import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { CorruptStore } from "./seal.ts";

export const blockHeadBytes = 8;
const windowBytes = 256 * 1024;
const firstMemory = 256 * 1024;

/** The content of a block. Throws `CorruptStore` where the bytes are others than were written; `place` says whose they are. */
export function decodeBlock(block: Buffer, place: string): Buffer {
  const content = block.subarray(blockHeadBytes);
  const intact =
    block.length >= blockHeadBytes &&
    block.readUInt32BE(0) === content.length &&
    block.readUInt32BE(4) === crc32(content);
  if (!intact) throw new CorruptStore(`checksum of ${place} does not match`);
  return content;
}

/** A file in the making. Blocks are put together in memory, always the same, and written by `flush`. */
export class BlockWriter {
  readonly path: string;
  readonly #file: FileHandle;
  #memory = Buffer.allocUnsafeSlow(firstMemory);
  /** Bytes that are in memory and not written yet. */
  collected = 0;
  #written = 0;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /** Makes the file, which must not be there yet. */
  static async create(path: string): Promise<BlockWriter> {
    return new BlockWriter(path, await open(path, "wx", 0o600));
  }

  /** Where the next block begins: the file's size when all is flushed. */
  get size(): number {
    return this.#written + this.collected;
  }

  /** Adds a block of `length` bytes of content, which `fill` writes from `at` on. Not while `flush` is under way. */
  add(length: number, fill: (memory: Buffer, at: number) => void): void {
    const block = this.#room(blockHeadBytes + length);
    fill(block, blockHeadBytes);
    block.writeUInt32BE(length, 0);
    block.writeUInt32BE(crc32(block.subarray(blockHeadBytes)), 4);
    this.collected += block.length;
  }

  addContent(content: Uint8Array): void {
    this.add(content.length, (memory, at) => memory.set(content, at));
  }

  #room(length: number): Buffer {
    const end = this.collected + length;
    if (end > this.#memory.length) {
      const larger = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(end)));
      this.#memory.copy(larger, 0, 0, this.collected);
      this.#memory = larger;
    }
    return this.#memory.subarray(this.collected, end);
  }

  /** Resolves when all that was added is on disk. */
  async flush(): Promise<void> {
    for (let from = 0; from < this.collected; ) {
      const { bytesWritten } = await this.#file.write(this.#memory, from, this.collected - from, this.#written + from);
      from += bytesWritten;
    }
    await this.#file.datasync();
    this.#written += this.collected;
    this.collected = 0;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** The blocks of a file that begin at `from` and before `to`, one after the other. Throws `CorruptStore` at one that is damaged. */
export async function* readBlocks(
  path: string,
  from: number,
  to: number,
): AsyncGenerator<{ readonly at: number; readonly content: Buffer }> {
  const file = await open(path, "r");
  try {
    let window = Buffer.alloc(0);
    for (let at = from; at < to; ) {
      if (window.length < blockHeadBytes) window = await readWindow(file, at, windowBytes);
      const length = blockHeadBytes + (window.length < blockHeadBytes ? 0 : window.readUInt32BE(0));
      if (window.length < length) window = await readWindow(file, at, Math.max(length, windowBytes));
      yield { at, content: decodeBlock(window.subarray(0, length), `${path} at ${at}`) };
      window = window.subarray(length);
      at += length;
    }
  } finally {
    await file.close();
  }
}

async function readWindow(file: FileHandle, at: number, length: number): Promise<Buffer<ArrayBuffer>> {
  const window = Buffer.allocUnsafe(length);
  const { bytesRead } = await file.read(window, 0, length, at);
  return window.subarray(0, bytesRead);
}

/** Makes what was created, renamed or removed in a directory lasting. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
