/**
 * Puts the journal's records back into memory when a store is opened: the small records, the entries and the dedupe keys
 * that no checkpoint has moved yet. The small ones first: they say where logs begin.
 */
import type { LogName } from "@parley/protocol";
import { hashKey } from "./bloom.ts";
import type { DedupeIndex } from "./dedupe-index.ts";
import type { JournalLine, JournalRecord } from "./journal-record.ts";
import type { LogState } from "./log-state.ts";
import type { Records } from "./records.ts";
import { CorruptStore } from "./seal.ts";
import type { Place, Slabs } from "./slabs.ts";

export interface Recovered {
  /** The logs that have entries in the journal. */
  readonly logs: Map<LogName, LogState>;
  readonly bytes: number;
}

/**
 * `restore` makes a log's state from its record and pointers, undefined where it has none. Entries and receipts go to
 * `slabs`. Rejects with `CorruptStore`.
 */
export async function replayJournal(
  commits: readonly JournalRecord[],
  records: Records,
  dedupe: DedupeIndex,
  slabs: Slabs,
  restore: (log: LogName) => Promise<LogState | undefined>,
): Promise<Recovered> {
  for (const { changes } of commits) records.apply(changes);
  const logs = new Map<LogName, LogState>();
  let bytes = 0;
  for (const commit of commits) {
    await restoreMissing(commit.lines, logs, restore);
    const { slab, at } = slabs.take(commit.text.length);
    const memory = slabs.bytes(slab);
    commit.text.copy(memory, at);
    for (const line of commit.lines) replay(line, logs, { slab, at });
    const dedupeKeys = commit.lines.map(({ receipt }) => receipt.dedupeKey).filter((dedupeKey) => dedupeKey !== "");
    dedupe.add(dedupeKeys.map(hashKey), memory.subarray(at + commit.receiptsStart, at + commit.receiptsEnd));
    bytes += commit.bytes;
  }
  for (const log of logs.values()) log.skipReserved();
  return { logs, bytes };
}

async function restoreMissing(
  lines: readonly JournalLine[],
  logs: Map<LogName, LogState>,
  restore: (log: LogName) => Promise<LogState | undefined>,
): Promise<void> {
  const named = new Set(lines.flatMap(({ receipt }) => receipt.positions.map(({ log }) => log)));
  const missing = [...named].filter((log) => !logs.has(log));
  const states = await Promise.all(missing.map(restore));
  for (const [i, name] of missing.entries()) {
    const state = states[i];
    if (!state) throw new CorruptStore(`log ${JSON.stringify(name)} has entries but no record`);
    logs.set(name, state);
  }
}

/** `at` is where the record's text is in memory. */
function replay(
  { receipt, start, end, bytes }: JournalLine,
  logs: ReadonlyMap<LogName, LogState>,
  { slab, at }: Place,
): void {
  for (const { log, seq } of receipt.positions) logs.get(log)?.replay(seq, slab, at + start, at + end, bytes);
}
