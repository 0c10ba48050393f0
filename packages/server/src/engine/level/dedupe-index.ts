/**
 * Which (owner, clientId) were seen, for ever or until `expire`: the receipts since the last checkpoint in memory, the
 * older ones on disk in generations, each with a Bloom filter in memory. A key that was never sent costs no disk read
 * (but for false positives). Called by the level engine on its commit path: hot.
 */
import { Bloom, type KeyHash } from "./bloom.ts";
import type { Database, Operation } from "./database.ts";
import { keys, prefixRange } from "./keys.ts";
import { findReceipt, type Receipt } from "./receipt.ts";
import { ReceiptFiles, type ReceiptRun } from "./receipt-files.ts";
import { ReceiptTable } from "./receipt-table.ts";
import { seal, unseal } from "./seal.ts";

interface Generation {
  readonly number: number;
  /** How many keys its filter is made for. */
  readonly capacity: number;
  readonly bloom: Bloom;
  /** One per checkpoint, by an id that is never used twice. */
  readonly runs: ReceiptRun[];
  count: number;
  newestTs: number;
  /** Whether the filter is on disk. */
  saved: boolean;
}

/** The receipts since the last checkpoint, or those that the checkpoint under way writes. */
interface Recent {
  readonly table: ReceiptTable;
  /** One per commit: lines of `writeReceipt`. */
  readonly pages: Buffer[];
}

const firstCapacity = 65_536;
const maxCapacity = 1_048_576;

export class DedupeIndex {
  readonly #db: Database;
  readonly #files: ReceiptFiles;
  #generations: Generation[] = [];
  #recent = emptyRecent();
  #flushing = emptyRecent();

  private constructor(db: Database, files: ReceiptFiles) {
    this.#db = db;
    this.#files = files;
  }

  /** Loads the filters; the receipts themselves stay on disk, in `directory`. */
  static async load(db: Database, directory: string): Promise<DedupeIndex> {
    const files = await ReceiptFiles.open(directory);
    const index = new DedupeIndex(db, files);
    for await (const [key, value] of db.iterator(prefixRange("g!"))) {
      const generation = JSON.parse(unseal(value, key)) as Omit<Generation, "bloom" | "saved">;
      const bits = await files.filter(generation.number);
      const bloom = bits ? new Bloom(bits) : Bloom.forKeys(generation.capacity);
      if (!bits) for (const run of generation.runs) await files.visit(run, (a, b) => bloom.add(a, b));
      index.#generations.push({ ...generation, bloom, saved: bits !== undefined });
    }
    await files.keepOnly(index.#generations);
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
    for (const generation of this.#generations.toReversed()) {
      if (!generation.bloom.mayHave(hash)) continue;
      try {
        const found = await this.#lookIn(generation, key, hash);
        if (found) return found;
      } catch (error) {
        // One that expired meanwhile is as good as not found.
        if (this.#generations.includes(generation)) throw error;
      }
    }
    return undefined;
  }

  async #lookIn({ runs }: Generation, key: string, hash: KeyHash): Promise<Receipt | undefined> {
    for (const run of runs.toReversed()) {
      for (const at of await this.#files.find(run, hash)) {
        const found = findReceipt((await this.#files.page(run, at)).toString(), key);
        if (found) return found;
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

  /** Hands what is in memory to a checkpoint, which then calls `write` and, when that counts, `flushed`. */
  startFlush(): void {
    this.#flushing = this.#recent;
    this.#recent = emptyRecent();
  }

  /** Writes what is flushed as run number `run` and returns the operations that make it count. `rest` after each step. */
  async write(run: number, rest: () => Promise<void>): Promise<Operation[]> {
    const { table, pages } = this.#flushing;
    if (table.size === 0) return [];
    const generation = this.#generationFor(table.size);
    const written = await this.#files.write(run, pages, table, rest);
    await table.visit((a, b) => generation.bloom.add(a, b));
    generation.newestTs = Date.now();
    generation.count += table.size;
    generation.runs.push(written);
    await this.#saveFilters();
    const { bloom: _, saved: __, ...description } = generation;
    return [{ type: "put", key: keys.generation(generation.number), value: seal(JSON.stringify(description)) }];
  }

  /** The filter of a generation is written when it is full; before that it is rebuilt at opening. */
  async #saveFilters(): Promise<void> {
    for (const generation of this.#generations.slice(0, -1).filter(({ saved }) => !saved)) {
      await this.#files.writeFilter(generation.number, generation.bloom.bits);
      generation.saved = true;
    }
  }

  flushed(): void {
    this.#flushing = emptyRecent();
  }

  /** Forgets whole generations whose newest receipt is older than `beforeTs`, but for the one that is being filled. */
  async expire(beforeTs: number): Promise<void> {
    for (const generation of this.#generations.slice(0, -1).filter(({ newestTs }) => newestTs < beforeTs)) {
      this.#generations = this.#generations.filter((other) => other !== generation);
      await this.#db.del(keys.generation(generation.number), { sync: true });
      await this.#files.remove(generation);
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

  close(): Promise<void> {
    return this.#files.close();
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
