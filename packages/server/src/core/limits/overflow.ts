/**
 * A message for somebody whose inbox is full: refused, or kept as a dead letter for that recipient
 * (`limits.inboxFull`). Either way a repeat of what was stored before is answered as one: it was accepted (P3).
 */
import { type Fault, fail, type LogName } from "@parley/protocol";
import type { Append, AppendOutcome, Engine } from "../../engine/engine.ts";
import type { DeadLetters } from "../dead-letters.ts";

/** When it makes sense to try again: nobody knows when somebody will read. */
const retryMs = 30_000;

/** `names`: who has too much waiting. */
export function inboxFull(names: readonly string[]): Fault {
  return fail("inbox_full", `too much waits unread for ${names.join(", ")}: nothing was stored`, retryMs).fault;
}

/** Settles `append` as the repeat that it is, or else with `fault`. */
export function refuseUnlessRepeated(engine: Engine, append: Append, fault: Fault): void {
  if (append.dedupeKey === undefined) append.settled({ ok: false, fault });
  else engine.append({ ...append, unlessRepeated: fault, settled: (outcome) => append.settled(outcome) });
}

/**
 * Stores `append` as a dead letter for each of `full`, whose logs it is not to go to, and then in its logs. Settled when
 * all of that is durable; where a crash comes in between nobody was told, and the repeat finds what is there already.
 */
export function storeOverflowing(
  engine: Engine,
  deadLetters: DeadLetters,
  append: Append,
  full: readonly LogName[],
): void {
  const fault = fail("inbox_full", "not a repeat").fault;
  const bury = async () => {
    const letters = await Promise.all(full.map((log) => deadLetters.overflowed(append, log)));
    const failed = letters.find(({ ok }) => !ok);
    const [letter] = letters;
    if (failed || !letter?.ok) append.settled(failed ?? { ok: false, fault });
    else if (append.logs.length === 0)
      append.settled({ ...letter, bytes: Buffer.byteLength(append.payload), positions: [], entries: [] });
    // As the engine settles it, in that turn: readers are offered it before they hear of it otherwise.
    else engine.append(append);
  };
  const probed = (outcome: AppendOutcome) => {
    if (outcome.ok || outcome.fault !== fault) append.settled(outcome);
    else void bury();
  };
  refuseUnlessRepeated(engine, { ...append, logs: [], settled: probed }, fault);
}
