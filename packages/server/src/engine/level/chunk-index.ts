/**
 * The pointers to chunks, in LevelDB, by log and first seq within each volume. A log's pointers ascend from volume to
 * volume too. Reads, recovery and trimming find chunks here.
 */
import type { LogName } from "@parley/protocol";
import { type ChunkPointer, decodePointer, encodePointer } from "./chunk.ts";
import type { Database, Operation } from "./database.ts";
import { keys } from "./keys.ts";
import type { Volumes } from "./volumes.ts";

const pageEntries = 64;

export class ChunkIndex {
  readonly #db: Database;
  readonly #volumes: Volumes;

  constructor(db: Database, volumes: Volumes) {
    this.#db = db;
    this.#volumes = volumes;
  }

  /** The last chunk of the log that begins at or before `seq`. */
  async locate(log: LogName, seq: number): Promise<ChunkPointer | undefined> {
    for (const volume of this.#volumes.numbers.toReversed()) {
      const range = { gte: keys.pointer(volume, log, 0), lte: keys.pointer(volume, log, seq), reverse: true, limit: 1 };
      for (const [key, value] of await this.#db.iterator(range).all()) return decodePointer(key, value);
    }
    return undefined;
  }

  /** The chunks from the one that holds `start`, or the next, up to those that begin before `end`. */
  async *forward(log: LogName, start: number, end: number): AsyncGenerator<ChunkPointer> {
    const first = await this.locate(log, start);
    if (first) yield first;
    const after = Math.max(start, first?.firstSeq ?? 0) + 1;
    // Where no chunk begins at or before `start`, all that there is lies after it.
    for (const volume of this.#volumes.numbers.filter((number) => number >= (first?.volume ?? 0)))
      yield* this.#range({ gte: keys.pointer(volume, log, after), lt: keys.pointer(volume, log, end) });
  }

  /** The chunks that begin before `below`, the last one first. */
  async *backward(log: LogName, below: number): AsyncGenerator<ChunkPointer> {
    for (const volume of this.#volumes.numbers.toReversed())
      yield* this.#range({ gte: keys.pointer(volume, log, 0), lt: keys.pointer(volume, log, below), reverse: true });
  }

  async *#range(range: { gte: string; lt: string; reverse?: boolean }): AsyncGenerator<ChunkPointer> {
    const iterator = this.#db.iterator(range);
    try {
      for (;;) {
        const page = await iterator.nextv(pageEntries);
        for (const [key, value] of page) yield decodePointer(key, value);
        if (page.length < pageEntries) return;
      }
    } finally {
      await iterator.close();
    }
  }

  put(log: LogName, pointer: ChunkPointer): Operation {
    return {
      type: "put",
      key: keys.pointer(pointer.volume, log, pointer.firstSeq),
      value: encodePointer(pointer),
    };
  }

  drop(log: LogName, { volume, firstSeq }: ChunkPointer): Operation {
    return { type: "del", key: keys.pointer(volume, log, firstSeq) };
  }
}
