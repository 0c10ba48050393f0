/**
 * What a group commit has to know before it gives out seqs: the state of its logs, and which of its appends are repeats.
 * Waits for the disk only where a log is not in memory or a key may have been seen before. Hot path.
 */
import type { LogName } from "@parley/protocol";
import type { Append } from "../engine.ts";
import { hashKey, type KeyHash } from "./bloom.ts";
import type { Prepared } from "./commit.ts";
import type { LogState } from "./log-state.ts";
import type { Receipt } from "./receipt.ts";
import type { Store } from "./store.ts";

/** Loads what seqs and repeats are decided by. */
export async function prepare(store: Store, appends: readonly Append[]): Promise<Prepared> {
  let states: LogState[] = [];
  const missing = new Set<LogName>();
  const doubtful = new Map<string, KeyHash>();
  const repeats = new Map<string, Receipt>();
  const hashes: (KeyHash | undefined)[] = [];
  for (let i = 0; i < appends.length; i++) {
    const { logs, dedupeKey } = appends[i] as Append;
    // By index: a function that runs once a commit is not compiled well for long, and makes an iterator for each message till then.
    for (let j = 0; j < logs.length; j++) {
      const log = logs[j] as LogName;
      const state = store.logs.get(log);
      if (state) states.push(state);
      else missing.add(log);
    }
    if (dedupeKey === undefined) continue;
    const hash = hashKey(dedupeKey);
    hashes[i] = hash;
    const recent = store.dedupe.recent(dedupeKey, hash);
    if (recent) repeats.set(dedupeKey, recent);
    else if (store.dedupe.mayBeOnDisk(hash)) doubtful.set(dedupeKey, hash);
  }
  if (missing.size > 0) {
    await Promise.all([...missing].map((log) => store.load(log)));
    states = appends.flatMap(({ logs }) => logs.map((log) => store.logs.get(log) as LogState));
  }
  for (const [key, hash] of doubtful) {
    const found = await store.dedupe.lookUp(key, hash);
    if (found) repeats.set(key, found);
  }
  return { states, hashes, repeats };
}
