/**
 * Bugs for the checkers to find, each as a thin layer over a real engine: what it says is not what it does. A checker
 * that does not report its bug is a defect.
 */
import type { LogName } from "@parley/protocol";
import type { Append, AppendOutcome, Engine, RecordWrite } from "../../packages/server/src/engine/engine.ts";

/** The names of the bugs, with what the checker must call them. */
export const plantedBugs = {
  "acknowledge-before-sync": "lost",
  "forget-dedupe": "duplicated",
  "skip-cursor": "lost",
  "swap-recipient": "misdelivered",
  "swap-order": "reordered",
} as const;

/** Bugs for the count of `accounting-run.ts`, with what it must find wrong. */
export const accountingBugs = {
  "trim-too-far": /missing/,
  "skip-cursor": /nobody acknowledged/,
  "lose-purge": /the server says/,
} as const;

export type PlantedBug = keyof typeof plantedBugs | keyof typeof accountingBugs;

/** How far ahead of what was acknowledged the skipping cursor is. */
const skippedSeqs = 40;
const trimmedTooMuch = 3;
/** How long an append is held back while later ones go ahead. */
const overtakenMs = 5;
const answerDelayMs = 30;
/** How long the write-behind bug sits on what it has acknowledged. */
const writeBehindMs = 40;

/** Wraps `engine` with the bug of that name. */
export function plant(name: string, engine: Engine): Engine {
  const bug = bugs[name as PlantedBug];
  if (!bug) throw new Error(`no planted bug ${name}`);
  return new Proxy(engine, {
    get: (target, property) => {
      const override: unknown = Reflect.get(bug(target), property);
      const value: unknown = override ?? Reflect.get(target, property, target);
      return typeof value === "function" && !override ? value.bind(target) : value;
    },
  });
}

type Bug = (engine: Engine) => Partial<Engine>;

const heads = new Map<LogName, { epoch: string; tail: number }>();
let appends = 0;

const bugs: { readonly [B in PlantedBug]: Bug } = {
  "acknowledge-before-sync": (engine) => ({ append: (append) => void acknowledgeEarly(engine, append) }),
  "forget-dedupe": (engine) => ({
    append: (append) => {
      const dedupeKey = append.dedupeKey && `${append.dedupeKey}-${process.pid}`;
      // Answered late, so that a kill or a cut leaves some that are stored and will be repeated.
      const settled: Append["settled"] = (outcome) => setTimeout(() => append.settled(outcome), answerDelayMs);
      engine.append({ ...derive(append, { dedupeKey }), settled });
    },
  }),
  "skip-cursor": (engine) => ({
    commitCursor: (record: Extract<RecordWrite, { kind: "cursor" }>) => {
      const { kind, key, value } = record;
      engine.commitCursor(value ? { kind, key, value: { ...value, seq: value.seq + skippedSeqs } } : record);
    },
  }),
  "trim-too-far": (engine) => ({
    trim: (log, first) => engine.trim(log, log.startsWith("$") ? first : first + trimmedTooMuch),
  }),
  // What is purged is forgotten altogether, instead of being counted as dead.
  "lose-purge": (engine) => ({
    write: (records) =>
      engine.write(
        records.map((record) =>
          record.kind === "letter" && record.value?.purged ? { ...record, value: undefined } : record,
        ),
      ),
  }),
  "swap-recipient": (engine) => ({
    append: (append) =>
      engine.append(++appends % 50 === 0 ? derive(append, { logs: append.logs.map(neighbour) }) : append),
  }),
  "swap-order": (engine) => ({
    append: (append) => {
      if (++appends % 40 === 0) setTimeout(() => engine.append(append), overtakenMs);
      else engine.append(append);
    },
  }),
};

function derive(append: Append, changes: Partial<Append>): Append {
  const { id, ts, logs, payload, origin, expiresAt, durability, dedupeKey, digest } = append;
  return {
    id,
    ts,
    logs,
    payload,
    origin,
    expiresAt,
    durability,
    dedupeKey,
    digest,
    ...changes,
    ...(append.records && { records: (entries) => append.records?.(entries) ?? [] }),
    settled: (outcome) => append.settled(outcome),
  };
}

/** Another receiver's log: `receiver-0` and `receiver-1` change places. */
function neighbour(log: LogName): LogName {
  return log.replace(/^receiver-([01])$/, (_, n: string) => `receiver-${1 - Number(n)}`) as LogName;
}

/** Says that it is stored, and stores it a little later. */
async function acknowledgeEarly(engine: Engine, append: Append): Promise<void> {
  const positions = [];
  for (const log of append.logs) {
    const head = heads.get(log) ?? { ...(await engine.head(log)) };
    heads.set(log, head);
    head.tail += 1;
    positions.push({ log, epoch: head.epoch, seq: head.tail });
  }
  const { id, ts, payload } = append;
  const bytes = Buffer.byteLength(payload);
  const durability = "fsync";
  const outcome: AppendOutcome = { ok: true, duplicate: false, durability, id, ts, bytes, positions, entries: [] };
  // Answers that waited for nothing would bring more sends than the test has time to count.
  setTimeout(() => append.settled(outcome), answerDelayMs);
  setTimeout(() => engine.append(derive(append, {})), answerDelayMs + writeBehindMs);
}
