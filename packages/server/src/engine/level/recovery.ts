/**
 * Reads the journal back when a store is opened: the entries and dedupe keys that no checkpoint has moved yet. A missing
 * or changed record is `CorruptStore`: better refused than served with a hole.
 */
import type { LogName } from "@parley/protocol";
import { hashKey } from "./bloom.ts";
import { CorruptStore, decodeJournal, type JournalLine, keys, prefixRange, unseal } from "./codec.ts";
import type { DedupeIndex } from "./dedupe-index.ts";
import type { LogState } from "./log-state.ts";
import type { Database } from "./open-store.ts";

export interface Journal {
  /** The numbers of the first record there is (or would be) and of the next to be written. */
  readonly start: number;
  readonly next: number;
  readonly bytes: number;
  /** The logs that have entries in it. */
  readonly logs: ReadonlyMap<LogName, LogState>;
}

/** `restore` makes a log's state from its record and chunks. */
export async function replayJournal(
  db: Database,
  dedupe: DedupeIndex,
  restore: (log: LogName) => Promise<LogState>,
): Promise<Journal> {
  const stored = await db.get(keys.journalStart);
  const start = stored ? Number(unseal(stored, keys.journalStart)) : 1;
  const logs = new Map<LogName, LogState>();
  let next = start;
  let bytes = 0;
  for await (const [key, value] of db.iterator(prefixRange("j!"))) {
    if (key !== keys.journal(next)) throw new CorruptStore(`journal record ${next} is missing`);
    const { lines, receipts } = decodeJournal(key, value);
    await restoreMissing(lines, logs, restore);
    for (const line of lines) replay(line, logs);
    const dedupeKeys = lines.map(({ receipt }) => receipt.dedupeKey).filter((dedupeKey) => dedupeKey !== "");
    dedupe.add(dedupeKeys.map(hashKey), receipts);
    next += 1;
    bytes += value.length;
  }
  return { start, next, bytes, logs };
}

async function restoreMissing(
  lines: readonly JournalLine[],
  logs: Map<LogName, LogState>,
  restore: (log: LogName) => Promise<LogState>,
): Promise<void> {
  const named = new Set(lines.flatMap(({ receipt }) => receipt.positions.map(({ log }) => log)));
  const missing = [...named].filter((log) => !logs.has(log));
  for (const state of await Promise.all(missing.map(restore))) logs.set(state.name, state);
}

function replay({ receipt, origin, expiresAt, payload }: JournalLine, logs: ReadonlyMap<LogName, LogState>): void {
  for (const { log, seq } of receipt.positions) {
    const state = logs.get(log);
    if (!state?.recorded) throw new CorruptStore(`log ${JSON.stringify(log)} has entries but no record`);
    state.replay(seq, payload, origin, expiresAt);
  }
}
