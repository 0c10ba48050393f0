/**
 * Keeps logs within their limits of age, count and bytes, in the background and in bounded steps. What goes without
 * having been acknowledged becomes a dead letter first. Dead letters themselves are kept until they are purged.
 */
import type { LogName, UserKey } from "@parley/protocol";
import type { Head } from "../engine/engine.ts";
import type { Entry } from "../engine/entry.ts";
import { deadLetterLog } from "./dead-letters.ts";
import { parsePayload } from "./message.ts";
import { pendingOf } from "./readers.ts";
import type { Services } from "./services.ts";

/** 0: no limit. */
export interface RetentionPolicy {
  readonly maxAgeMs: number;
  readonly maxMessages: number;
  readonly maxBytes: number;
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
      for (const log of logs) if (log !== deadLetterLog) await this.#trim(log, now);
      const last = logs.at(-1);
      if (last === undefined) break;
      after = last;
    }
    const { maxAgeMs } = this.#policy;
    if (maxAgeMs > 0) await this.#services.engine.expireDedupe(now - maxAgeMs);
  }

  async #trim(log: LogName, now: number): Promise<void> {
    for (;;) {
      const head = await this.#services.engine.head(log);
      const entries = await this.#services.engine.read(log, head.first - 1, "forward", stepEntries);
      const doomed = this.#doomed(entries, head, now);
      const last = doomed.at(-1);
      if (last === undefined) return;
      await this.#bury(log, doomed, now);
      await this.#services.engine.trim(log, last.seq + 1);
      this.#services.directory.users.get(log as UserKey)?.inbox?.ack(last.seq);
      if (doomed.length < entries.length) return;
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
    const { readers, deadLetters } = this.#services;
    const all = await readers.of(log, doomed[0]?.epoch ?? "");
    for (const entry of doomed) {
      const pending = pendingOf(all, entry);
      if (pending.length === 0) continue;
      const expired = entry.expiresAt !== 0 && entry.expiresAt <= now;
      await deadLetters.add(expired ? "expired" : "retention", entry, pending);
    }
  }
}
