/**
 * An engine whose calls a test can hold back or make fail, over any other: what the core does while the store takes its
 * time, or refuses, is asked with it.
 */
import {
  type Append,
  type CursorWrite,
  type Direction,
  type Engine,
  type Head,
  type RecordKind,
  type RecordKinds,
  type RecordPage,
  type RecordWrite,
  StorageUnavailable,
} from "../src/engine/engine.ts";
import type { Entry } from "../src/engine/entry.ts";

/** `written`: a write that was done and is not answered yet. */
type Gate = "read" | "head" | "write" | "written" | "scan" | "trim" | "logs" | "expireDedupe";
type Log = Parameters<Engine["head"]>[0];

export class GatedEngine implements Engine {
  readonly #inner: Engine;
  readonly #held = new Map<Gate, { readonly promise: Promise<void>; waiting: number }>();
  readonly #failing = new Set<Gate | "append">();
  /** How often each was called. */
  readonly calls = { read: 0, head: 0, write: 0, written: 0, scan: 0, trim: 0, logs: 0, expireDedupe: 0 };

  constructor(inner: Engine) {
    this.#inner = inner;
  }

  /** Holds calls back from now on; returns what lets them go. */
  hold(gate: Gate): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held.set(gate, { promise, waiting: 0 });
    return () => {
      this.#held.delete(gate);
      resolve();
    };
  }

  /** How many calls are held back. */
  waiting(gate: Gate): number {
    return this.#held.get(gate)?.waiting ?? 0;
  }

  /** Refuses calls from now on, until `heal`. */
  fail(gate: Gate | "append"): void {
    this.#failing.add(gate);
  }

  heal(): void {
    this.#failing.clear();
  }

  async #pass<T>(gate: Gate, call: () => Promise<T>): Promise<T> {
    this.calls[gate] += 1;
    const held = this.#held.get(gate);
    if (held) {
      held.waiting += 1;
      await held.promise;
    }
    if (this.#failing.has(gate)) throw new StorageUnavailable(`the test refuses ${gate}`);
    return call();
  }

  append(append: Append): void {
    if (this.#failing.has("append"))
      append.settled({ ok: false, fault: { code: "storage_unavailable", message: "the test refuses append" } });
    else this.#inner.append(append);
  }

  read(log: Log, from: number, direction: Direction, limit: number, maxBytes?: number): Promise<Entry[]> {
    return this.#pass("read", () => this.#inner.read(log, from, direction, limit, maxBytes));
  }

  head(log: Log): Promise<Head> {
    return this.#pass("head", () => this.#inner.head(log));
  }

  logs(after: string, limit: number): Promise<Log[]> {
    return this.#pass("logs", () => this.#inner.logs(after, limit));
  }

  trim(log: Log, first: number): Promise<void> {
    return this.#pass("trim", () => this.#inner.trim(log, first));
  }

  expireDedupe(beforeTs: number): Promise<void> {
    return this.#pass("expireDedupe", () => this.#inner.expireDedupe(beforeTs));
  }

  async write(records: readonly RecordWrite[]): Promise<void> {
    await this.#pass("write", () => this.#inner.write(records));
    await this.#pass("written", async () => {});
  }

  commitCursor(record: CursorWrite): void {
    this.#inner.commitCursor(record);
  }

  scan<K extends RecordKind>(
    kind: K,
    prefix: string,
    page?: RecordPage,
  ): Promise<(readonly [string, RecordKinds[K]])[]> {
    return this.#pass("scan", () => this.#inner.scan(kind, prefix, page));
  }

  subscribe(listener: (log: Log, seq: number) => void): void {
    this.#inner.subscribe(listener);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
