/**
 * What operators do with dead letters: list, look at one, replay, purge. A letter is named by its seq in the dead-letter
 * log. Its record (`dead-letters.ts`) says whether it was replayed or purged; the log keeps the text until everything
 * before it was purged too.
 */

import type { StoredMessage } from "@parley/protocol";
import {
  type DeadLetter,
  type DeadReason,
  fail,
  type Letter,
  type LetterPage,
  ok,
  type Purged,
  parseAddress,
  type Replayed,
  type Result,
} from "@parley/protocol";
import type { Direction, RecordKinds, RecordWrite } from "../engine/engine.ts";
import { deadLetterLog, letterKey, parseLetter } from "./dead-letters.ts";
import { Mutex } from "./mutex.ts";
import { recipientOf, sendAgain } from "./replay.ts";
import type { Services } from "./services.ts";

type LetterRecord = RecordKinds["letter"];

/** Which letters; what is not given does not matter. */
export interface LetterFilter {
  readonly reason?: DeadReason;
  /** An address as people write it. */
  readonly log?: string;
  readonly from?: string;
  /** Became one at this time (ms since the epoch) or later. */
  readonly since?: number;
  /** Became one before this time. */
  readonly until?: number;
}

/** Letters that one request looks at, at most: with a filter a page may hold fewer than asked for. */
const maxScanned = 1000;
const maxPageBytes = 1024 * 1024;
const readEntries = 200;

export class LetterBook {
  readonly #services: Services;
  readonly #changing = new Mutex();

  constructor(services: Services) {
    this.#services = services;
  }

  /**
   * A page of letters after (`forward`) or before `from`, nearest first. Faults: `bad_name`. Rejects with
   * `StorageUnavailable`.
   */
  async list(
    filter: LetterFilter,
    { from, direction, limit }: { readonly from: number; readonly direction: Direction; readonly limit: number },
  ): Promise<Result<LetterPage>> {
    const matches = matcher(filter);
    if (!matches.ok) return matches;
    const letters: Letter[] = [];
    let at = from;
    let scanned = 0;
    let bytes = 0;
    for (;;) {
      const entries = await this.#services.engine.read(deadLetterLog, at, direction, readEntries, maxPageBytes);
      if (entries.length === 0) return ok({ letters });
      for (const entry of entries) {
        if (letters.length === limit || scanned === maxScanned || bytes > maxPageBytes)
          return ok({ letters, next: at });
        at = entry.seq;
        scanned += 1;
        const dead = parseLetter(entry.payload);
        const record = matches.value(dead) ? await this.#record(dead, entry.seq) : undefined;
        if (!record) continue;
        letters.push(shown(dead, entry.seq, record));
        bytes += entry.payload.length;
      }
    }
  }

  /** One letter. Faults: `unknown_message`. Rejects with `StorageUnavailable`. */
  async get(letter: number): Promise<Result<Letter>> {
    const [entry] = await this.#services.engine.read(deadLetterLog, letter - 1, "forward", 1);
    const dead = entry?.seq === letter ? parseLetter(entry.payload) : undefined;
    const record = dead && (await this.#record(dead, letter));
    return dead && record
      ? ok(shown(dead, letter, record))
      : fail("unknown_message", `there is no dead letter ${letter}`);
  }

  /** Undefined: purged. */
  async #record({ log, seq }: DeadLetter, letter: number): Promise<LetterRecord | undefined> {
    const key = letterKey(log, seq, letter);
    const record = new Map(await this.#services.engine.scan("letter", key)).get(key);
    return record?.purged ? undefined : record;
  }

  /**
   * Sends the letter's message again, as a new message of the same sender that names the first one's id (`replayOf`), to
   * the address it was for or to another. Once: a letter that was replayed is not replayed again unless `again`; the
   * answer is then the earlier replay. The letter is marked in the write that stores the message. Faults:
   * `unknown_message`, `bad_name`, `unknown_user`, `unknown_room`, `storage_unavailable`. Rejects with
   * `StorageUnavailable`.
   */
  replay(letter: number, { to, again = false }: { readonly to?: string; readonly again?: boolean } = {}) {
    return this.#changing.run(async (): Promise<Result<Replayed>> => {
      const found = await this.get(letter);
      if (!found.ok) return found;
      const { replayed, log } = found.value;
      if (replayed && !again) return ok({ letter, ...replayed, duplicate: true });
      const address = recipientOf(this.#services, to ?? log);
      return address.ok ? sendAgain(this.#services, found.value, address.value) : address;
    });
  }

  /** Purges one letter. Faults: `unknown_message`. Rejects with `StorageUnavailable`. */
  purge(letter: number): Promise<Result<Purged>> {
    return this.#changing.run(async () => {
      const found = await this.get(letter);
      if (!found.ok) return found;
      await this.#forget([found.value]);
      return ok({ purged: 1 });
    });
  }

  /**
   * Purges the letters that match, oldest first, after `from`: a bounded number of them, so go on while there is a `next`.
   * They count as dead for ever. Faults: `bad_name`. Rejects with `StorageUnavailable`.
   */
  purgeAll(filter: LetterFilter, from = 0): Promise<Result<Purged>> {
    return this.#changing.run(async () => {
      const page = await this.list(filter, { from, direction: "forward", limit: maxScanned });
      if (!page.ok) return page;
      const { letters, next } = page.value;
      await this.#forget(letters);
      return ok({ purged: letters.length, ...(next === undefined ? {} : { next }) });
    });
  }

  async #forget(letters: readonly Letter[]): Promise<void> {
    for (const [log, ofLog] of Map.groupBy(letters, ({ log }) => log))
      await this.#services.accounts.purge(log, (account) => ({
        records: ofLog.map((letter) => purgeRecord(letter, account)),
        turnedAway: ofLog.filter(({ seq }) => seq === 0).length,
      }));
    await this.#dropFirst();
  }

  /** The log gives up what stands before the first letter that is not purged. */
  async #dropFirst(): Promise<void> {
    const { engine } = this.#services;
    for (;;) {
      const { first } = await engine.head(deadLetterLog);
      const entries = await engine.read(deadLetterLog, first - 1, "forward", readEntries);
      let keep = first;
      for (const { seq, payload } of entries) {
        if (await this.#record(parseLetter(payload), seq)) break;
        keep = seq + 1;
      }
      if (keep === first) return;
      await engine.trim(deadLetterLog, keep);
    }
  }

  /** How many letters there are, by reason. Looks at all of them, in bounded steps. Rejects with `StorageUnavailable`. */
  async count(): Promise<{ readonly byReason: Partial<Record<DeadReason, number>>; readonly replayed: number }> {
    const byReason: Partial<Record<DeadReason, number>> = {};
    let replayed = 0;
    let after = "";
    for (;;) {
      const page = await this.#services.engine.scan("letter", "", { after, limit: maxScanned });
      for (const [, letter] of page) {
        if (letter.purged) continue;
        const reason = letter.reason as DeadReason;
        byReason[reason] = (byReason[reason] ?? 0) + 1;
        if (letter.replayed) replayed += 1;
      }
      const last = page.at(-1);
      if (page.length < maxScanned || last === undefined) return { byReason, replayed };
      after = last[0];
    }
  }
}

/**
 * What is written for a letter that is purged: nothing remains where its entry is accounted for. Else the entry is dead
 * for ever, which must still be known when its turn comes.
 */
function purgeRecord({ log, seq, letter, epoch, reason, ts }: Letter, account: RecordKinds["balance"]): RecordWrite {
  const key = letterKey(log, seq, letter);
  const isCounted = seq === 0 || epoch !== account.epoch || seq <= account.upTo;
  return { kind: "letter", key, value: isCounted ? undefined : { epoch, reason, ts, purged: true } };
}

function shown(dead: DeadLetter, letter: number, { replayed }: LetterRecord): Letter {
  const message = dead.message as StoredMessage;
  return { letter, ...dead, message, ...(replayed && { replayed }) };
}

function matcher(filter: LetterFilter): Result<(letter: DeadLetter) => boolean> {
  const { reason, since = 0, until = Number.POSITIVE_INFINITY } = filter;
  const log = filter.log === undefined ? undefined : parseAddress(filter.log);
  if (log && !log.ok) return log;
  const from = filter.from === undefined ? undefined : parseAddress(filter.from);
  if (from && !from.ok) return from;
  return ok((letter) => {
    if (reason !== undefined && letter.reason !== reason) return false;
    if (letter.ts < since || letter.ts >= until) return false;
    if (log && letter.log !== log.value.key) return false;
    if (!from) return true;
    const sender = parseAddress((letter.message as StoredMessage).from);
    return sender.ok && sender.value.key === from.value.key;
  });
}
