/**
 * Ends the delivery of messages that their readers have not acknowledged for too long: each becomes a dead letter, and
 * the readers' devices go on behind it. The message stays in the log, as history, until retention removes it. Called by
 * the regular round (`retention.ts`).
 */
import type { LogName } from "@parley/protocol";
import type { Entry } from "../engine/entry.ts";
import { parsePayload } from "./message.ts";
import { pendingOf } from "./readers.ts";
import type { Services } from "./services.ts";

const stepEntries = 256;

/** Gives up what was stored in `log` more than `unackedMs` before `now`. Rejects with `StorageUnavailable`. */
export async function giveUp(services: Services, log: LogName, now: number, unackedMs: number): Promise<void> {
  const { engine, accounts, readers, cursors } = services;
  let from = await accounts.endedUpTo(log);
  for (;;) {
    const entries = await engine.read(log, from, "forward", stepEntries);
    const young = entries.findIndex(({ payload }) => parsePayload(payload).ts >= now - unackedMs);
    const old = young === -1 ? entries : entries.slice(0, young);
    const last = old.at(-1);
    if (last === undefined) return;
    const { epoch } = last;
    const all = await readers.of(log, epoch);
    const pending = (await Promise.all(old.map((entry) => bury(services, entry, pendingOf(all, entry), now)))).flat();
    // Only when the letters are on disk: what was passed over and not written would be lost.
    for (const user of new Set(pending)) await cursors.passOver(user.key, log, { epoch, seq: last.seq });
    if (old.length < entries.length) return;
    from = last.seq;
  }
}

async function bury(
  { deadLetters }: Services,
  entry: Entry,
  pending: ReturnType<typeof pendingOf>,
  now: number,
): Promise<ReturnType<typeof pendingOf>> {
  const expired = entry.expiresAt !== 0 && entry.expiresAt <= now;
  if (pending.length > 0) await deadLetters.add(expired ? "expired" : "unacked", entry, pending);
  return pending;
}
