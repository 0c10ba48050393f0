/**
 * The reference engine: everything in memory, gone with the process. It is what the contract suite was written
 * against and what tests use where durability is not the question. Settles appends in the next turn, in order.
 */
import { fail, type LogName } from "@parley/protocol";
import {
  type Append,
  type Appended,
  type CursorWrite,
  type Direction,
  defaultReadBytes,
  type EngineFigures,
  type Head,
  type ObservableEngine,
  type RecordKind,
  type RecordKinds,
  type RecordPage,
  type RecordWrite,
  StorageUnavailable,
} from "./engine.ts";
import { Entry } from "./entry.ts";

interface MemoryLog {
  readonly epoch: string;
  first: number;
  tail: number;
  entries: Entry[];
}

export class MemoryEngine implements ObservableEngine {
  readonly #epoch: string;
  readonly #logs = new Map<LogName, MemoryLog>();
  readonly #records = new Map<string, unknown>();
  readonly #known = new Map<string, { readonly digest: string; readonly result: Appended }>();
  readonly #listeners: ((log: LogName, seq: number) => void)[] = [];
  #queue: Append[] = [];
  #closed = false;

  constructor(newEpoch: () => string) {
    this.#epoch = newEpoch();
  }

  append(append: Append): void {
    if (this.#closed) append.settled(fail("storage_unavailable", "the store is closed"));
    else if (this.#queue.push(append) === 1) setImmediate(() => this.#commit());
  }

  #commit(): void {
    const batch = this.#queue;
    this.#queue = [];
    const settled = batch.map((append) => ({ append, outcome: this.#store(append) }));
    for (const { append, outcome } of settled) append.settled(outcome);
    for (const { outcome } of settled) {
      if (!outcome.ok || outcome.duplicate) continue;
      for (const { log, seq } of outcome.positions) for (const listener of this.#listeners) listener(log, seq);
    }
  }

  #store(append: Append): Appended | ReturnType<typeof fail> {
    const known = append.dedupeKey === undefined ? undefined : this.#known.get(append.dedupeKey);
    if (known && known.digest !== append.digest) {
      return fail("client_id_reused", "this clientId was sent before with another content");
    }
    if (known) return { ...known.result, duplicate: true, bytes: 0, entries: [] };
    if (append.unlessRepeated) return { ok: false, fault: append.unlessRepeated };
    const entries = append.logs.map((name) => {
      const log = this.#log(name);
      log.tail += 1;
      const entry = new Entry(name, log.epoch, log.tail, append.payload, append.origin, append.expiresAt);
      log.entries.push(entry);
      return entry;
    });
    const result: Appended = {
      ok: true,
      duplicate: false,
      durability: append.durability,
      id: append.id,
      ts: append.ts,
      bytes: Buffer.byteLength(append.payload),
      positions: entries,
      entries,
    };
    if (append.records) void this.write(append.records(entries));
    if (append.dedupeKey !== undefined) this.#known.set(append.dedupeKey, { digest: append.digest, result });
    return result;
  }

  #log(name: LogName): MemoryLog {
    let log = this.#logs.get(name);
    if (!log) {
      log = { epoch: this.#epoch, first: 1, tail: 0, entries: [] };
      this.#logs.set(name, log);
    }
    return log;
  }

  async read(
    name: LogName,
    from: number,
    direction: Direction,
    limit: number,
    maxBytes = defaultReadBytes,
  ): Promise<Entry[]> {
    const log = this.#log(name);
    const wanted =
      direction === "forward"
        ? log.entries.filter(({ seq }) => seq > from)
        : log.entries.filter(({ seq }) => seq < from).reverse();
    let bytes = 0;
    const end = wanted.slice(0, limit).findIndex((entry) => {
      bytes += Buffer.byteLength(entry.payload);
      return bytes > maxBytes;
    });
    return wanted.slice(0, end === -1 ? limit : Math.max(1, end));
  }

  async head(name: LogName): Promise<Head> {
    const { epoch, first, tail, entries } = this.#log(name);
    return { epoch, first, tail, bytes: entries.reduce((sum, { payload }) => sum + Buffer.byteLength(payload), 0) };
  }

  async logs(after: string, limit: number): Promise<LogName[]> {
    const names = [...this.#logs.keys()].filter((name) => name > after);
    return names.sort().slice(0, limit);
  }

  async trim(name: LogName, first: number): Promise<void> {
    const log = this.#log(name);
    log.first = Math.max(log.first, Math.min(first, log.tail + 1));
    log.entries = log.entries.filter(({ seq }) => seq >= log.first);
  }

  async expireDedupe(beforeTs: number): Promise<void> {
    for (const [key, { result }] of this.#known) if (result.ts < beforeTs) this.#known.delete(key);
  }

  async write(records: readonly RecordWrite[]): Promise<void> {
    if (this.#closed) throw new StorageUnavailable("the store is closed");
    for (const { kind, key, value } of records) {
      if (value === undefined) this.#records.delete(`${kind}!${key}`);
      else this.#records.set(`${kind}!${key}`, value);
    }
  }

  commitCursor({ kind, key, value }: CursorWrite): void {
    // The value may be changed in place after this.
    if (!this.#closed) void this.write([{ kind, key, value: value && { ...value } }]);
  }

  async scan<K extends RecordKind>(
    kind: K,
    prefix: string,
    { after = "", limit }: RecordPage = {},
  ): Promise<(readonly [string, RecordKinds[K]])[]> {
    const start = `${kind}!`;
    const keys = [...this.#records.keys()].filter((key) => key.startsWith(start + prefix) && key > start + after);
    return keys
      .sort()
      .slice(0, limit)
      .map((key) => [key.slice(start.length), this.#records.get(key) as RecordKinds[K]] as const);
  }

  subscribe(listener: (log: LogName, seq: number) => void): void {
    this.#listeners.push(listener);
  }

  figures(): EngineFigures {
    return {
      fault: this.#closed ? "the store is closed" : undefined,
      waitingAppends: this.#queue.length,
      journalBytes: 0,
      checkpointing: false,
      logsInMemory: this.#logs.size,
    };
  }

  async close(): Promise<void> {
    this.#commit();
    this.#closed = true;
  }
}
