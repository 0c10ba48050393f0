/**
 * Reads of a log: what is in memory from its state, what is older from its chunks. Sees only what is settled and not
 * trimmed. Called by the level engine; slow readers and history come through here.
 */
import type { LogName } from "@parley/protocol";
import type { Direction } from "../engine.ts";
import type { Entry } from "../entry.ts";
import { type Chunk, decodeChunk, keys } from "./codec.ts";
import { type LogState, payloadBytes } from "./log-state.ts";
import type { Database } from "./open-store.ts";

const prefetchBytes = 256 * 1024;

/** Where chunks are: the database, and the volumes that have any, ascending. */
export interface Chunks {
  readonly db: Database;
  readonly volumes: readonly number[];
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
  const memory = [...(state.flushing.length > 0 ? [state.flushing] : []), state.active];
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

function takeForward(entries: readonly Entry[], start: number, settled: number, collector: Collector): void {
  for (let i = lowerBound(entries, start); i < entries.length && !collector.full; i++) {
    const entry = entries[i] as Entry;
    if (entry.seq > settled || !collector.take(entry)) return;
  }
}

function takeBackward(entries: readonly Entry[], first: number, below: number, collector: Collector): void {
  for (let i = lowerBound(entries, below) - 1; i >= 0 && !collector.full; i--) {
    const entry = entries[i] as Entry;
    if (entry.seq < first || !collector.take(entry)) return;
  }
}

/** The index of the first entry with a seq of at least `seq`. */
function lowerBound(entries: readonly Entry[], seq: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle] as Entry).seq < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function readChunks(
  store: Chunks,
  state: LogState,
  start: number,
  end: number,
  collector: Collector,
): Promise<void> {
  const first = await locate(store, state.name, start);
  // Where no chunk begins at or before `start`, all that there is lies after it.
  const volumes = store.volumes.filter((volume) => volume >= (first?.volume ?? 0));
  for (const volume of volumes) {
    const gte = volume === first?.volume ? first.key : keys.chunk(volume, state.name, 0);
    const range = { gte, lt: keys.chunk(volume, state.name, end), highWaterMarkBytes: prefetchBytes };
    for await (const [key, value] of store.db.iterator(range)) {
      takeForward(decodeChunk(state.name, state.epoch, key, value).entries, start, end - 1, collector);
      if (collector.full) return;
    }
  }
}

async function readChunksBackward(
  store: Chunks,
  state: LogState,
  first: number,
  below: number,
  collector: Collector,
): Promise<void> {
  for (const volume of store.volumes.toReversed()) {
    const lt = keys.chunk(volume, state.name, below);
    const range = { gte: keys.chunk(volume, state.name, 0), lt, reverse: true, highWaterMarkBytes: prefetchBytes };
    for await (const [key, value] of store.db.iterator(range)) {
      const { entries } = decodeChunk(state.name, state.epoch, key, value);
      takeBackward(entries, first, below, collector);
      if (collector.full || (entries[0]?.seq ?? 0) <= first) return;
    }
  }
}

/** The last chunk that begins at or before `seq`. */
async function locate(
  { db, volumes }: Chunks,
  log: LogName,
  seq: number,
): Promise<{ volume: number; key: string } | undefined> {
  for (const volume of volumes.toReversed()) {
    const range = { gte: keys.chunk(volume, log, 0), lte: keys.chunk(volume, log, seq), reverse: true, limit: 1 };
    for (const key of await db.keys(range).all()) return { volume, key };
  }
  return undefined;
}

/** The chunk that holds `seq`, or the last one before it. */
export async function chunkAt(store: Chunks, log: LogName, seq: number): Promise<Chunk | undefined> {
  const found = await locate(store, log, seq);
  const value = found && (await store.db.get(found.key));
  return value && decodeChunk(log, "", found.key, value);
}

/** Payload bytes of the log's whole life below `seq`. */
export async function offsetOf(store: Chunks, state: LogState, seq: number): Promise<number> {
  const { memoryFirst, flushing, active, endBytes } = state;
  if (seq >= memoryFirst) {
    return endBytes - payloadBytes([...flushing, ...active].filter((entry) => entry.seq >= seq));
  }
  const chunk = await chunkAt(store, state.name, seq);
  return chunk ? chunk.offset + payloadBytes(chunk.entries.filter((entry) => entry.seq < seq)) : state.trimmedBytes;
}
