/**
 * Reads of a log: what is in memory from its state, what is older from its chunks. Sees only what is settled and not
 * trimmed. Called by the level engine; slow readers and history come through here.
 */
import type { Direction } from "../engine.ts";
import type { Entry } from "../entry.ts";
import { type ChunkPointer, decodeChunk } from "./chunk.ts";
import type { ChunkFiles } from "./chunk-files.ts";
import type { ChunkIndex } from "./chunk-index.ts";
import type { LogState } from "./log-state.ts";

/** Chunks that are read from the disk at once, at most. */
const readAhead = 16;

/** Where chunks are: what points to them, and the files. */
export interface Chunks {
  readonly index: ChunkIndex;
  readonly files: ChunkFiles;
}

/** Collects entries until one of the limits of `Engine.read` is reached. */
class Collector {
  readonly entries: Entry[] = [];
  #limit: number;
  #bytes: number;

  constructor(limit: number, maxBytes: number) {
    this.#limit = limit;
    this.#bytes = maxBytes;
  }

  /** Whether there is room for more after this one. */
  take(entry: Entry): boolean {
    const bytes = Buffer.byteLength(entry.payload);
    if (this.entries.length > 0 && bytes > this.#bytes) {
      this.#limit = 0;
      return false;
    }
    this.entries.push(entry);
    this.#bytes -= bytes;
    return this.entries.length < this.#limit;
  }

  get full(): boolean {
    return this.entries.length >= this.#limit;
  }

  /** Whether that many more entries, of that size together, would fill it. */
  isFilledBy(entries: number, bytes: number): boolean {
    return this.entries.length + entries >= this.#limit || bytes >= this.#bytes;
  }
}

/** See `Engine.read`. */
export async function readLog(
  store: Chunks,
  state: LogState,
  from: number,
  direction: Direction,
  limit: number,
  maxBytes: number,
): Promise<Entry[]> {
  const collector = new Collector(limit, maxBytes);
  const memory = memoryOf(state);
  const { memoryFirst, settled, first } = state;
  if (direction === "forward") {
    const start = Math.max(from + 1, first);
    if (start < memoryFirst) await readChunks(store, state, start, memoryFirst, collector);
    for (const part of memory) takeForward(part, start, settled, collector);
  } else {
    const below = Math.min(from, settled + 1);
    for (const part of memory.reverse()) takeBackward(part, first, below, collector);
    if (!collector.full && below > first)
      await readChunksBackward(store, state, first, Math.min(below, memoryFirst), collector);
  }
  return collector.entries;
}

/** Entries in seq order, made when they are asked for. */
interface Entries {
  readonly length: number;
  /** The index of the first with a seq of at least `seq`. */
  lowerBound(seq: number): number;
  at(index: number): Entry;
}

/** What a log holds in memory now, oldest first: not what comes while chunks are read. */
function memoryOf({ name, epoch, flushing, active, pending }: LogState): Entries[] {
  const held = [flushing, active].map((part) => ({
    length: part.length,
    lowerBound: (seq: number) => part.lowerBound(seq),
    at: (index: number) => part.entryAt(index, name, epoch),
  }));
  return [...held, listed([...pending])];
}

function listed(entries: readonly Entry[]): Entries {
  return {
    length: entries.length,
    lowerBound: (seq) => {
      const index = entries.findIndex((entry) => entry.seq >= seq);
      return index === -1 ? entries.length : index;
    },
    at: (index) => entries[index] as Entry,
  };
}

function takeForward(entries: Entries, start: number, settled: number, collector: Collector): void {
  for (let i = entries.lowerBound(start); i < entries.length && !collector.full; i++) {
    const entry = entries.at(i);
    if (entry.seq > settled || !collector.take(entry)) return;
  }
}

function takeBackward(entries: Entries, first: number, below: number, collector: Collector): void {
  for (let i = Math.min(entries.lowerBound(below), entries.length) - 1; i >= 0 && !collector.full; i--) {
    const entry = entries.at(i);
    if (entry.seq < first || !collector.take(entry)) return;
  }
}

async function readChunks(
  store: Chunks,
  state: LogState,
  start: number,
  end: number,
  collector: Collector,
): Promise<void> {
  const pointers = store.index.forward(state.name, start, end);
  await readInOrder(store, state, pointers, start, collector, (entries) => {
    takeForward(listed(entries), start, end - 1, collector);
    return !collector.full;
  });
}

async function readChunksBackward(
  store: Chunks,
  state: LogState,
  first: number,
  below: number,
  collector: Collector,
): Promise<void> {
  const pointers = store.index.backward(state.name, below);
  await readInOrder(store, state, pointers, first, collector, (entries) => {
    takeBackward(listed(entries), first, below, collector);
    return !collector.full && (entries[0]?.seq ?? 0) > first;
  });
}

/**
 * Reads chunks, as many at once as `collector` will take, and gives their entries to `take` in the order of `pointers`
 * until it returns false. Those that end before `first` are left out.
 */
async function readInOrder(
  { files }: Chunks,
  { name, epoch }: LogState,
  pointers: AsyncGenerator<ChunkPointer>,
  first: number,
  collector: Collector,
  take: (entries: readonly Entry[]) => boolean,
): Promise<void> {
  let ahead: ChunkPointer[] = [];
  let entries = 0;
  let bytes = 0;
  const read = async () => {
    const chunks = ahead;
    ahead = [];
    entries = bytes = 0;
    const texts = await Promise.all(chunks.map((pointer) => files.read(pointer)));
    return texts.every((text, i) => take(decodeChunk(name, epoch, (chunks[i] as ChunkPointer).firstSeq, text)));
  };
  for await (const pointer of pointers) {
    if (pointer.length === 0 || pointer.firstSeq + pointer.count <= first) continue;
    ahead.push(pointer);
    entries += pointer.count;
    bytes += pointer.bytes;
    if ((ahead.length === readAhead || collector.isFilledBy(entries, bytes)) && !(await read())) return;
  }
  await read();
}

/** Payload bytes of the log's whole life below `seq`, which is not above what is settled by more than one. */
export async function offsetOf({ index, files }: Chunks, state: LogState, seq: number): Promise<number> {
  const { memoryFirst, flushing, active, pending, endBytes } = state;
  if (seq >= memoryFirst) {
    let after = payloadBytes(pending.filter((entry) => entry.seq >= seq));
    for (const part of [flushing, active])
      for (let i = part.lowerBound(seq); i < part.length; i++) after += part.payloadBytesAt(i);
    return endBytes - after;
  }
  const pointer = await index.locate(state.name, seq);
  if (!pointer) return state.trimmedBytes;
  if (seq >= pointer.firstSeq + pointer.count) return pointer.offset + pointer.bytes;
  const entries = decodeChunk(state.name, state.epoch, pointer.firstSeq, await files.read(pointer));
  return pointer.offset + payloadBytes(entries.filter((entry) => entry.seq < seq));
}

function payloadBytes(entries: readonly Entry[]): number {
  return entries.reduce((sum, { payload }) => sum + Buffer.byteLength(payload), 0);
}
