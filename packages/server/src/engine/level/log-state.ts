/**
 * What the level engine holds in memory of one log: its head, the entries that are in the journal but not yet in chunks, and
 * those of the commit under way. Entries above `settled` are on their way to the disk and no reader sees them. Hot path.
 */
import type { LogName } from "@parley/protocol";
import { withNext } from "../../short-list.ts";
import type { Head } from "../engine.ts";
import { Entry } from "../entry.ts";
import type { Chunk, ChunkPointer } from "./chunk.ts";
import { HeldEntries } from "./held-entries.ts";
import { CorruptStore } from "./seal.ts";
import type { Slabs } from "./slabs.ts";

/** The log's record in the store. Not written per append: the tail is what the last chunk and the journal say. */
export interface HeadRecord {
  readonly epoch: string;
  readonly first: number;
  /** Payload bytes of the log's whole life that were trimmed. */
  readonly trimmedBytes: number;
  /** Seqs up to here may have been used by appends of `memory` durability that a crash took: never used again. */
  readonly reserved: number;
}

const entriesPerChunk = 64;
const bytesPerChunk = 65_536;
/** Most logs have nothing pending: they share this, and none of them adds to it. */
const nothing: Entry[] = [];

export class LogState {
  readonly name: LogName;
  readonly epoch: string;
  first = 1;
  trimmedBytes = 0;
  reserved = 0;
  /** The last seq given out, the last one that readers may see. */
  tail = 0;
  settled = 0;
  /** Payload bytes of the log's whole life, and of the part that is in chunks. */
  endBytes = 0;
  chunkedBytes = 0;
  /** Whether the store has the log's record. */
  recorded = false;
  /** Whether the commit under way holds an entry of this log that waits for the disk. */
  waiting = false;
  /** Whether the next checkpoint has something of it to move. */
  dirty = false;
  /** In seq order: written by the checkpoint under way, and since it began. */
  flushing: HeldEntries;
  active: HeldEntries;
  /** After those, of the commit under way. */
  pending: Entry[] = nothing;
  readonly #slabs: Slabs;

  /** `slabs` are where the journal's records are kept. */
  constructor(name: LogName, epoch: string, slabs: Slabs) {
    this.name = name;
    this.epoch = epoch;
    this.#slabs = slabs;
    this.flushing = HeldEntries.none;
    this.active = HeldEntries.none;
  }

  /** The state that a log's record and its last chunk tell. */
  static restore(name: LogName, record: HeadRecord, last: ChunkPointer | undefined, slabs: Slabs): LogState {
    const state = new LogState(name, record.epoch, slabs);
    state.first = record.first;
    state.trimmedBytes = record.trimmedBytes;
    state.tail = state.settled = last ? last.firstSeq + last.count - 1 : 0;
    state.endBytes = state.chunkedBytes = last ? last.offset + last.bytes : 0;
    state.reserved = record.reserved;
    state.recorded = true;
    return state;
  }

  get record(): HeadRecord {
    const { epoch, first, trimmedBytes, reserved } = this;
    return { epoch, first, trimmedBytes, reserved };
  }

  get head(): Head {
    return { epoch: this.epoch, first: this.first, tail: this.settled, bytes: this.endBytes - this.trimmedBytes };
  }

  /** `bytes` is the payload's size. */
  append(payload: string, bytes: number, origin: string, expiresAt: number): Entry {
    this.tail += 1;
    const entry = new Entry(this.name, this.epoch, this.tail, payload, origin, expiresAt);
    this.pending = this.pending === nothing ? [entry] : withNext(this.pending, entry);
    this.endBytes += bytes;
    return entry;
  }

  /** The commit under way is in the journal, the line of this log's next pending entry there in memory; `bytes` as above. */
  stored(seq: number, slab: number, start: number, end: number, bytes: number): void {
    this.#hold(seq, slab, start, end, bytes);
    if (seq === this.tail) this.pending = nothing;
  }

  /** Takes an entry back from the journal. One that a chunk already has is left out. */
  replay(seq: number, slab: number, start: number, end: number, bytes: number): void {
    if (seq <= this.tail) return;
    if (this.active.length > 0 && seq > this.tail + 1 && seq > this.reserved + 1) {
      throw new CorruptStore(`log ${JSON.stringify(this.name)} lacks seq ${this.tail + 1} in the journal`);
    }
    this.tail = this.settled = seq;
    this.#hold(seq, slab, start, end, bytes);
    this.endBytes += bytes;
  }

  #hold(seq: number, slab: number, start: number, end: number, bytes: number): void {
    if (this.active === HeldEntries.none) this.active = new HeldEntries(this.#slabs);
    this.active.add(seq, slab, start, end, bytes);
  }

  /** After a crash: seqs that may have been told to somebody are not used again. */
  skipReserved(): void {
    if (this.reserved > this.tail) this.tail = this.settled = this.reserved;
  }

  /** The lowest seq that is in memory, or one above the tail. */
  get memoryFirst(): number {
    return this.flushing.seqAt(0) ?? this.active.seqAt(0) ?? this.pending[0]?.seq ?? this.tail + 1;
  }

  /** Hands what is in the journal to a checkpoint, which calls `chunks` later, and `flushed` when they can be read. */
  startFlush(): void {
    this.flushing = this.active;
    this.active = new HeldEntries(this.#slabs, this.flushing.length);
  }

  flushed(): void {
    this.flushing = HeldEntries.none;
  }

  /** What is being flushed, cut into chunks. To be gone through once. */
  *chunks(): Generator<Chunk> {
    const held = this.flushing;
    let from = 0;
    let bytes = 0;
    for (let i = 0; i < held.length; i++) {
      const full = i - from >= entriesPerChunk || bytes >= bytesPerChunk;
      if (i > from && (full || held.seqAt(i) !== (held.seqAt(i - 1) as number) + 1)) {
        yield this.#chunked(held, from, i, bytes);
        from = i;
        bytes = 0;
      }
      bytes += held.payloadBytesAt(i);
    }
    if (held.length > from) yield this.#chunked(held, from, held.length, bytes);
  }

  #chunked(held: HeldEntries, from: number, to: number, bytes: number): Chunk {
    const offset = this.chunkedBytes;
    this.chunkedBytes += bytes;
    return { offset, bytes, held, from, to };
  }
}
