/**
 * The regular round over all logs, in the background and in bounded steps: gives up what was not acknowledged for too
 * long, keeps logs within their limits of age, count and bytes, and notes how what is at their beginning ended. What goes
 * without having been acknowledged becomes a dead letter first, and nothing goes before it is accounted for. Dead
 * letters themselves are kept until they are purged.
 */
import type { LogName, UserKey } from "@parley/protocol";
import type { Head } from "../engine/engine.ts";
import type { Entry } from "../engine/entry.ts";
import { isInternal } from "./dead-letters.ts";
import { giveUp } from "./giving-up.ts";
import { parsePayload } from "./message.ts";
import { pendingOf } from "./readers.ts";
import type { Services } from "./services.ts";

/** 0: no limit. */
export interface RetentionPolicy {
  readonly maxAgeMs: number;
  readonly maxMessages: number;
  readonly maxBytes: number;
  /** How long a message may stay unacknowledged before it becomes a dead letter. */
  readonly unackedMs?: number;
}

const stepEntries = 256;
const stepLogs = 256;

export class Retention {
  readonly #services: Services;
  readonly #policy: RetentionPolicy;

  constructor(services: Services, policy: RetentionPolicy) {
    this.#services = services;
    this.#policy = policy;
  }

  /** Goes through all logs once. `now` in ms. Rejects with `StorageUnavailable`. */
  async run(now: number): Promise<void> {
    let after = "";
    for (;;) {
      const logs = await this.#services.engine.logs(after, stepLogs);
      for (const log of logs) if (!isInternal(log)) await this.#tend(log, now);
      const last = logs.at(-1);
      if (last === undefined) break;
      after = last;
    }
    const { maxAgeMs } = this.#policy;
    if (maxAgeMs > 0) await this.#services.engine.expireDedupe(now - maxAgeMs);
  }

  async #tend(log: LogName, now: number): Promise<void> {
    const { maxAgeMs, maxMessages, maxBytes, unackedMs = 0 } = this.#policy;
    if (unackedMs > 0) await giveUp(this.#services, log, now, unackedMs);
    if (maxAgeMs > 0 || maxMessages > 0 || maxBytes > 0) await this.#trim(log, now);
    const ended = await this.#services.accounts.settle(log);
    // What was given up or trimmed waits no more.
    this.#services.directory.users.get(log as UserKey)?.inbox?.ack(ended);
  }

  async #trim(log: LogName, now: number): Promise<void> {
    const { engine, accounts, onError } = this.#services;
    for (;;) {
      const head = await engine.head(log);
      const entries = await engine.read(log, head.first - 1, "forward", stepEntries);
      const doomed = this.#doomed(entries, head, now);
      const last = doomed.at(-1);
      if (last === undefined) return;
      await this.#bury(log, doomed, now);
      const ended = await accounts.settle(log);
      await engine.trim(log, Math.min(last.seq, ended) + 1);
      if (ended < last.seq) onError("bug", new Error(`${log} ${ended + 1} was to be trimmed and is pending`));
      if (ended < last.seq || doomed.length < entries.length) return;
    }
  }

  /** The entries at the log's beginning that exceed a limit. */
  #doomed(entries: readonly Entry[], head: Head, now: number): Entry[] {
    const { maxAgeMs, maxMessages, maxBytes } = this.#policy;
    let { bytes } = head;
    const kept = entries.findIndex((entry) => {
      const tooMany = maxMessages > 0 && head.tail - entry.seq + 1 > maxMessages;
      const tooLarge = maxBytes > 0 && bytes > maxBytes;
      const tooOld = maxAgeMs > 0 && parsePayload(entry.payload).ts < now - maxAgeMs;
      bytes -= Buffer.byteLength(entry.payload);
      return !(tooMany || tooLarge || tooOld);
    });
    return kept === -1 ? [...entries] : entries.slice(0, kept);
  }

  async #bury(log: LogName, doomed: readonly Entry[], now: number): Promise<void> {
    const { readers, deadLetters, accounts } = this.#services;
    const ended = await accounts.endedUpTo(log);
    const left = doomed.filter(({ seq }) => seq > ended);
    const all = await readers.of(log, doomed[0]?.epoch ?? "");
    await Promise.all(
      left.map(async (entry) => {
        const pending = pendingOf(all, entry);
        if (pending.length === 0) return;
        const expired = entry.expiresAt !== 0 && entry.expiresAt <= now;
        await deadLetters.add(expired ? "expired" : "retention", entry, pending);
      }),
    );
  }
}
