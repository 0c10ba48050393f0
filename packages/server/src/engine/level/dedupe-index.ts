/**
 * Which (owner, clientId) were seen, for ever or until `expire`: the receipts since the last checkpoint in memory, the
 * older ones on disk in generations, each with a Bloom filter in memory. A key that was never sent costs no disk read
 * (but for false positives). Called by the level engine on its commit path: hot.
 */
import { Bloom, type KeyHash } from "./bloom.ts";
import { CorruptStore, findReceipt, keys, prefixRange, type Receipt, seal, sealBytes, unseal } from "./codec.ts";
import type { Database } from "./open-store.ts";
import { pagesIn, ReceiptTable, visitHashes } from "./receipt-table.ts";

export interface PutOperation {
  readonly type: "put";
  readonly key: string;
  readonly value: Buffer;
}

interface Generation {
  readonly number: number;
  /** How many keys its filter is made for. */
  readonly capacity: number;
  readonly bloom: Bloom;
  /** One per checkpoint, by an id that is never used twice. */
  readonly runs: number[];
  count: number;
  newestTs: number;
  /** Whether the filter is on disk. */
  saved: boolean;
}

/** The receipts since the last checkpoint, or those that the checkpoint under way writes. */
interface Recent {
  readonly table: ReceiptTable;
  /** One per commit, by index: lines of `encodeReceipt`. */
  readonly pages: Buffer[];
}

const firstCapacity = 65_536;
const maxCapacity = 1_048_576;
const stepBytes = 256 * 1024;
const keysPerSlice = 8192;

export class DedupeIndex {
  readonly #db: Database;
  #generations: Generation[] = [];
  #recent = emptyRecent();
  #flushing = emptyRecent();

  constructor(db: Database) {
    this.#db = db;
  }

  /** Loads the filters; the receipts themselves stay on disk. */
  static async load(db: Database): Promise<DedupeIndex> {
    const index = new DedupeIndex(db);
    for await (const [key, value] of db.iterator(prefixRange("g!"))) {
      const generation = JSON.parse(unseal(value, key)) as Omit<Generation, "bloom">;
      const bits = await db.get(keys.bloom(generation.number));
      const bloom = bits ? new Bloom(new Uint8Array(bits)) : Bloom.forKeys(generation.capacity);
      for (const run of bits ? [] : generation.runs) {
        const table = await db.get(keys.table(generation.number, run));
        if (!table) throw new CorruptStore(`dedupe run ${run} is missing`);
        await addAll(bloom, table);
      }
      index.#generations.push({ ...generation, bloom, saved: bits !== undefined });
    }
    return index;
  }

  /** The receipt of an append that came after the last checkpoint. */
  recent(key: string, hash: KeyHash): Receipt | undefined {
    return findInPages(this.#recent, key, hash) ?? findInPages(this.#flushing, key, hash);
  }

  /** Whether `lookUp` could find the key on disk: almost never, for a key that was not sent before. */
  mayBeOnDisk(hash: KeyHash): boolean {
    for (const { bloom } of this.#generations) if (bloom.mayHave(hash)) return true;
    return false;
  }

  /** The receipt of an append that a checkpoint has moved to disk. */
  async lookUp(key: string, hash: KeyHash): Promise<Receipt | undefined> {
    for (const { number, bloom, runs } of this.#generations.toReversed()) {
      if (!bloom.mayHave(hash)) continue;
      for (const run of runs.toReversed()) {
        const table = await this.#db.get(keys.table(number, run));
        for (const page of table ? pagesIn(table, hash) : []) {
          const pageKey = keys.receipts(number, run, page);
          const receipts = await this.#db.get(pageKey);
          const found = receipts && findReceipt(unseal(receipts, pageKey), key);
          if (found) return found;
        }
      }
    }
    return undefined;
  }

  /** Remembers the appends of one commit: its receipts, and the hashes of the dedupe keys among them. */
  add(hashes: readonly KeyHash[], receipts: Buffer): void {
    if (hashes.length === 0) return;
    const page = this.#recent.pages.push(receipts) - 1;
    for (const hash of hashes) this.#recent.table.add(hash, page);
  }

  /**
   * Writes the receipts since the last checkpoint through `write`, in bounded steps, and returns the last operations,
   * which make them count: to be written together with what ends the checkpoint. `run` was never used before.
   */
  async checkpoint(run: number, write: (operations: PutOperation[]) => Promise<void>): Promise<PutOperation[]> {
    const { table, pages } = this.#recent;
    this.#flushing = this.#recent;
    this.#recent = emptyRecent();
    if (table.size === 0) return [];
    const generation = this.#generationFor(table.size);
    let bytes = 0;
    let step: PutOperation[] = [];
    for (const [index, page] of pages.entries()) {
      step.push({ type: "put", key: keys.receipts(generation.number, run, index), value: sealBytes(page) });
      bytes += page.length;
      if (bytes < stepBytes) continue;
      await write(step);
      step = [];
      bytes = 0;
    }
    const hashes = table.bytes;
    await write([...step, { type: "put", key: keys.table(generation.number, run), value: hashes }]);
    await addAll(generation.bloom, hashes);
    generation.newestTs = Date.now();
    generation.count += table.size;
    generation.runs.push(run);
    const { bloom: _, ...description } = generation;
    const key = keys.generation(generation.number);
    return [...this.#filled(), { type: "put", key, value: seal(JSON.stringify(description)) }];
  }

  /** The filter of a generation is written when it is full; before that it is rebuilt at opening. */
  #filled(): PutOperation[] {
    const filled = this.#generations.slice(0, -1).filter(({ saved }) => !saved);
    for (const generation of filled) generation.saved = true;
    return filled.map(({ number, bloom }) => ({
      type: "put",
      key: keys.bloom(number),
      value: Buffer.from(bloom.bits),
    }));
  }

  /** The checkpoint's last operations are on disk. */
  checkpointDone(): void {
    this.#flushing = emptyRecent();
  }

  /** Forgets whole generations whose newest receipt is older than `beforeTs`, but for the one that is being filled. */
  async expire(beforeTs: number): Promise<void> {
    for (const generation of this.#generations.slice(0, -1).filter(({ newestTs }) => newestTs < beforeTs)) {
      this.#generations = this.#generations.filter((other) => other !== generation);
      await this.#db.batch([
        { type: "del", key: keys.generation(generation.number) },
        { type: "del", key: keys.bloom(generation.number) },
      ]);
      await this.#db.clear(prefixRange(keys.dedupe(generation.number)));
    }
  }

  /** Each generation is as large as all before it together, up to a limit: few filters to ask, none too large at first. */
  #generationFor(size: number): Generation {
    const last = this.#generations.at(-1);
    if (last && last.count + size <= last.capacity) return last;
    const total = this.#generations.reduce((sum, { count }) => sum + count, size);
    const power = 2 ** Math.ceil(Math.log2(total));
    const capacity = Math.max(size, Math.min(maxCapacity, Math.max(firstCapacity, power)));
    const number = (last?.number ?? 0) + 1;
    const next = { number, capacity, bloom: Bloom.forKeys(capacity), runs: [], count: 0, newestTs: 0, saved: false };
    this.#generations.push(next);
    return next;
  }
}

function emptyRecent(): Recent {
  return { table: ReceiptTable.create(), pages: [] };
}

function findInPages({ table, pages }: Recent, key: string, hash: KeyHash): Receipt | undefined {
  for (const page of table.find(hash)) {
    const found = findReceipt(pages[page]?.toString() ?? "", key);
    if (found) return found;
  }
  return undefined;
}

/** In slices, so that a checkpoint never holds the event loop for long. */
async function addAll(bloom: Bloom, table: Buffer): Promise<void> {
  const add = (hash: KeyHash) => bloom.add(hash);
  for (let from = 0; visitHashes(table, from, keysPerSlice, add) > 0; from += keysPerSlice) {
    await new Promise(setImmediate);
  }
}
