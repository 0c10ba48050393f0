/**
 * Consecutive entries of one log as the text of one block of a chunk file, and the pointer in LevelDB that says where
 * it is. A chunk names its log and first seq: a pointer to the wrong place is noticed.
 */
import type { LogName } from "@parley/protocol";
import { Entry } from "../entry.ts";
import { type BlockWriter, blockHeadBytes } from "./block-file.ts";
import type { HeldEntries } from "./held-entries.ts";
import { pointerFirstSeq, pointerVolume } from "./keys.ts";
import { CorruptStore, seal, unseal } from "./seal.ts";

export interface Chunk {
  /** Payload bytes of the log before this chunk in its whole life, trimmed ones included; and in it. */
  readonly offset: number;
  readonly bytes: number;
  /** Its entries are those from index `from` to before `to`, consecutive in seq, at least one. */
  readonly held: HeldEntries;
  readonly from: number;
  readonly to: number;
}

/** Where a chunk is and what it holds, so that tails and sizes are known without reading it. */
export interface ChunkPointer {
  readonly volume: number;
  readonly firstSeq: number;
  readonly count: number;
  readonly offset: number;
  readonly bytes: number;
  /** The file's number, where in it the block begins and how long it is. `length` 0: all entries were trimmed, the file may be gone. */
  readonly file: number;
  readonly at: number;
  readonly length: number;
}

export function encodePointer({ count, offset, bytes, file, at, length }: ChunkPointer): Buffer {
  return seal(`${count} ${offset} ${bytes} ${file} ${at} ${length}`);
}

export function decodePointer(key: string, value: Uint8Array): ChunkPointer {
  const [count = 0, offset = 0, bytes = 0, file = 0, at = 0, length = 0] = unseal(value, key).split(" ").map(Number);
  return { volume: pointerVolume(key), firstSeq: pointerFirstSeq(key), count, offset, bytes, file, at, length };
}

/** Adds a chunk as a block: which it is, then the lines of its entries as they are in the journal. Returns its length. */
export function addChunk(writer: BlockWriter, log: LogName, { held, from, to }: Chunk): number {
  const identity = Buffer.from(`${log}\t${held.seqAt(from)}\n`);
  let size = identity.length;
  for (let i = from; i < to; i++) size += held.lineBytesAt(i);
  writer.add(size, (memory, start) => {
    let at = start + identity.copy(memory, start);
    for (let i = from; i < to; i++) at = held.copyLine(i, memory, at);
  });
  return blockHeadBytes + size;
}

/** Which chunk a block is. */
export function chunkIdentity(text: string): { readonly log: LogName; readonly firstSeq: number } {
  const [log = "", firstSeq] = text.slice(0, text.indexOf("\n")).split("\t");
  return { log: log as LogName, firstSeq: Number(firstSeq) };
}

/** Throws `CorruptStore` where `text` is not the chunk of `log` that begins at `firstSeq`. */
export function decodeChunk(log: LogName, epoch: string, firstSeq: number, text: string): Entry[] {
  const identity = chunkIdentity(text);
  if (identity.log !== log || identity.firstSeq !== firstSeq)
    throw new CorruptStore(`the chunk of ${JSON.stringify(log)} at ${firstSeq} is not where its pointer says`);
  const entries: Entry[] = [];
  let seq = firstSeq;
  for (let start = text.indexOf("\n") + 1; start < text.length; ) {
    const end = text.indexOf("\n", start);
    const tab = text.indexOf("\t", start);
    const tab2 = text.indexOf("\t", tab + 1);
    const expiresAt = Number(text.slice(tab + 1, tab2));
    entries.push(new Entry(log, epoch, seq++, text.slice(tab2 + 1, end), text.slice(start, tab), expiresAt));
    start = end + 1;
  }
  return entries;
}
