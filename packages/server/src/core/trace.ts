/**
 * What happened to one message: where it was stored, which devices were given it and acknowledged it, what dead letters it
 * left. Needs no index: an id tells its time, by which it is searched for in the logs. The answer says what it knows and
 * how far it looked; it never has the body.
 */
import {
  fail,
  type Letter,
  type LogName,
  ok,
  parseAddress,
  type Result,
  type StoredMessage,
  type Trace,
  type TracedPlace,
  type TracedReader,
} from "@parley/protocol";
import type { Entry } from "../engine/entry.ts";
import { deadLetterLog, isInternal, lettersOf, parseLetter } from "./dead-letters.ts";
import type { LetterBook } from "./letter-book.ts";
import { parsePayload } from "./message.ts";
import { pendingOf } from "./readers.ts";
import type { Services } from "./services.ts";

const stepLogs = 256;
const stepLetters = 200;
const maxLetters = 20_000;
const maxSearchMs = 10_000;
const maxReaders = 100;
const uuid7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * Traces a message by its id, in all logs or in that of one address. Faults: `bad_message` where it is no id,
 * `bad_name`, `unknown_message` where nothing at all is found. Rejects with `StorageUnavailable`.
 */
export async function trace(
  services: Services,
  letterBook: LetterBook,
  id: string,
  address?: string,
): Promise<Result<Trace>> {
  if (!uuid7.test(id)) return fail("bad_message", "that is no message id: they are UUIDs of version 7");
  const only = address === undefined ? undefined : parseAddress(address);
  if (only && !only.ok) return only;
  const ts = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  const search = new Search(services, letterBook, id, ts);
  if (only) await search.look(only.value.key);
  else await search.everywhere();
  const letters = await search.letters();
  const { entries, searched } = search;
  const payload = entries[0]?.payload ?? JSON.stringify(letters[0]?.message ?? null);
  if (payload === "null" && searched.complete)
    return fail("unknown_message", `no log ${only ? `of ${only.value.name} ` : ""}has it, and no dead letter`);
  const places: TracedPlace[] = [];
  for (const entry of entries) places.push(await placeOf(services, entry));
  const { since } = services.deliveries;
  return ok({
    id,
    ts,
    ...(payload === "null" ? {} : { message: withoutBody(parsePayload(payload)) }),
    places,
    deadLetters: letters.map(({ message: _, ...letter }) => letter),
    ...(Number.isFinite(since) ? { deliveriesSince: since } : {}),
    searched,
  });
}

class Search {
  readonly #services: Services;
  readonly #letterBook: LetterBook;
  readonly #id: string;
  readonly #ts: number;
  readonly #until: number;
  readonly entries: Entry[] = [];
  readonly searched = { logs: 0, deadLetters: 0, complete: true };

  constructor(services: Services, letterBook: LetterBook, id: string, ts: number) {
    this.#services = services;
    this.#letterBook = letterBook;
    this.#id = id;
    this.#ts = ts;
    this.#until = performance.now() + maxSearchMs;
  }

  #isLate(): boolean {
    if (performance.now() > this.#until) this.searched.complete = false;
    return !this.searched.complete;
  }

  /** Looks into all logs. */
  async everywhere(): Promise<void> {
    let after = "";
    for (;;) {
      const logs = await this.#services.engine.logs(after, stepLogs);
      for (const log of logs) {
        if (this.#isLate()) return;
        if (!isInternal(log)) await this.look(log);
      }
      const last = logs.at(-1);
      if (last === undefined) return;
      after = last;
    }
  }

  /** Looks into one log. Ids in a log ascend, by the time at which messages were taken. */
  async look(log: LogName): Promise<void> {
    this.searched.logs += 1;
    const entry = await this.#firstFrom(log, ({ payload }) => parsePayload(payload).id >= this.#id);
    if (entry && parsePayload(entry.payload).id === this.#id) this.entries.push(entry);
  }

  /** The dead letters of the message: they were written after it. */
  async letters(): Promise<Letter[]> {
    const { engine } = this.#services;
    const first = await this.#firstFrom(deadLetterLog, ({ payload }) => parseLetter(payload).ts >= this.#ts);
    const found: Letter[] = [];
    let from = (first?.seq ?? Number.MAX_SAFE_INTEGER) - 1;
    for (;;) {
      const entries = await engine.read(deadLetterLog, from, "forward", stepLetters);
      const last = entries.at(-1);
      if (last === undefined) return found;
      if (this.searched.deadLetters >= maxLetters || this.#isLate()) break;
      this.searched.deadLetters += entries.length;
      // Parsing each whole would cost most of the search.
      for (const { seq, payload } of entries) {
        if (!payload.includes(this.#id) || (parseLetter(payload).message as StoredMessage).id !== this.#id) continue;
        const letter = await this.#letterBook.get(seq);
        if (letter.ok) found.push(letter.value);
      }
      from = last.seq;
    }
    this.searched.complete = false;
    return found;
  }

  /** The first entry of the log for which `isLate` holds, where that holds for all behind it: a binary search. */
  async #firstFrom(log: LogName, isLate: (entry: Entry) => boolean): Promise<Entry | undefined> {
    const { engine } = this.#services;
    const head = await engine.head(log);
    const [newest] = await engine.read(log, head.tail + 1, "backward", 1);
    if (!newest || !isLate(newest)) return undefined;
    let found = newest;
    let low = head.first - 1;
    // Everything up to `low` is early, `found` is late.
    while (low + 1 < found.seq) {
      const middle = Math.floor((low + found.seq) / 2);
      const [entry] = await engine.read(log, middle - 1, "forward", 1);
      if (!entry) return found;
      if (isLate(entry) && entry.seq < found.seq) found = entry;
      else if (isLate(entry)) {
        // A hole from `middle` to `found`.
        const [before] = await engine.read(log, middle, "backward", 1);
        if (!before || before.seq <= low) return found;
        if (isLate(before)) found = before;
        else low = middle;
      } else low = entry.seq;
    }
    return found;
  }
}

async function placeOf(services: Services, entry: Entry): Promise<TracedPlace> {
  const { readers, engine, deliveries } = services;
  const { log, epoch, seq } = entry;
  const all = await readers.of(log, epoch);
  // Whom it is for are those who would be pending had they acknowledged nothing.
  const meant = new Set(
    pendingOf(
      all.map(({ user, start }) => ({ user, acked: start })),
      entry,
    ),
  );
  const concerned = all.filter(({ user }) => meant.has(user));
  const traced: TracedReader[] = [];
  for (const { user, acked } of concerned.slice(0, maxReaders)) {
    const cursors = await engine.scan("cursor", `${user.key} `);
    const devices = cursors
      .filter(([, cursor]) => cursor.log === log && cursor.epoch === epoch && cursor.device !== "")
      .map(([, cursor]) => ({ device: cursor.device as string, acknowledged: cursor.seq >= seq }));
    traced.push({ user: user.name, acknowledged: acked >= seq, devices });
  }
  const letters = await engine.scan("letter", lettersOf(log, seq));
  const isDead = letters.some(([, letter]) => letter.epoch === epoch);
  const isPending = concerned.some(({ acked }) => acked < seq) && (await services.accounts.endedUpTo(log)) < seq;
  return {
    log,
    epoch,
    seq,
    state: isDead ? "dead" : isPending ? "pending" : "acknowledged",
    readers: traced,
    moreReaders: Math.max(0, concerned.length - maxReaders),
    deliveries: deliveries.of(log, seq),
  };
}

function withoutBody({ body, ...message }: StoredMessage): NonNullable<Trace["message"]> {
  return { ...message, bytes: Buffer.byteLength(body) };
}
