/**
 * Sends that wait for their answer, in the order in which the application made them. Invariant: an entry leaves only by
 * an answer of the server (or when the client closes); after a lost connection all that are left go again, in the same
 * order, each under its old `clientId`, so that the server stores each once. Hot path.
 */
import { errors, isErrorCode, type ServerMessages } from "@parley/protocol";
import type { Backoff } from "./backoff.ts";
import type { CancelTimer, Environment } from "./environment.ts";
import { answeredError, ParleyError } from "./errors.ts";
import type { SendResult } from "./events.ts";
import type { StoredSend } from "./persistence.ts";
import { Queue } from "./queue.ts";

/** What becomes of a send. */
export interface Outcome {
  resolve(result: SendResult): void;
  reject(error: ParleyError): void;
}

interface Entry {
  readonly ref: string;
  readonly clientId: string;
  readonly to: StoredSend["to"];
  readonly text: string;
  readonly outcome: Outcome;
}

export interface OutboxOptions {
  /** Most sends that may wait, and most characters in all of them. */
  readonly maxEntries: number;
  readonly maxCharacters: number;
  /** Most sends on the wire without an answer. */
  readonly window: number;
  readonly environment: Environment;
  readonly backoff: Backoff;
  /** Sends a frame if connected, and says whether it did. */
  readonly send: (text: string) => boolean;
  /** An entry was settled; the application has been told. */
  readonly settled: (clientId: string) => void;
  /** The server could not store it and it will be tried again. */
  readonly postponed: (clientId: string, error: ParleyError, retryInMs: number) => void;
}

/** Answers after which the same send is tried again by itself: nothing was stored, and waiting is what helps. */
const retriedCodes: ReadonlySet<string> = new Set(["storage_unavailable", "rate_limited"]);

export class Outbox {
  readonly #options: OutboxOptions;
  /** By `ref`, in the order of the sends. */
  readonly #entries = new Map<string, Entry>();
  #unsent = new Queue<Entry>();
  #inFlight = 0;
  #characters = 0;
  #nextRef = 1;
  /** After an answer of `retriedCodes`: nothing more leaves until all answers are in and the back-off is over. */
  #pause: "none" | "waiting" | "over" = "none";
  /** After a pause one send goes alone, until one is accepted: the others would overtake it if it failed again. */
  #isProbing = false;
  #cancelPause: CancelTimer | undefined;
  /** How many of `options.window` are used: half after each `rate_limited`, and slowly more again with what is accepted. */
  #window: number;
  #maxFrameBytes = Number.POSITIVE_INFINITY;
  #empty: (() => void)[] = [];

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#window = options.window;
  }

  get size(): number {
    return this.#entries.size;
  }

  get isFull(): boolean {
    const { maxEntries, maxCharacters } = this.#options;
    return this.#entries.size >= maxEntries || this.#characters >= maxCharacters;
  }

  /** Queues a send and, when possible, sends it at once. */
  add(send: StoredSend, outcome: Outcome): void {
    this.#enter(send, outcome);
    this.#pump();
  }

  /** Puts what a former process left behind before everything else. */
  restore(sends: readonly StoredSend[], outcomeOf: (send: StoredSend) => Outcome): void {
    const present = [...this.#entries.values()];
    this.#entries.clear();
    for (const send of sends) this.#enter(send, outcomeOf(send));
    for (const entry of present) this.#entries.set(entry.ref, entry);
    this.#requeue();
  }

  /** A connection is ready: everything without an answer goes (again), in order. */
  connected(maxFrameBytes: number): void {
    this.#maxFrameBytes = maxFrameBytes;
    this.#window = this.#options.window;
    this.#endPause();
    this.#options.backoff.reset();
    this.#requeue();
    this.#pump();
  }

  disconnected(): void {
    this.#endPause();
    this.#requeue();
  }

  /** The server's `ok`. Returns what the send was addressed to; undefined when it answers nothing of this outbox. */
  accepted(answer: ServerMessages["ok"]): StoredSend["to"] | undefined {
    const entry = this.#take(answer.ref);
    if (!entry) return undefined;
    this.#options.backoff.reset();
    this.#isProbing = false;
    this.#window = Math.min(this.#options.window, this.#window + 1 / this.#window);
    entry.outcome.resolve({
      clientId: entry.clientId,
      id: answer.id ?? "",
      ts: answer.ts ?? 0,
      durability: answer.durability ?? "memory",
      positions: answer.positions ?? [],
      recipients: answer.recipients ?? [],
      duplicate: answer.duplicate ?? false,
    });
    this.#settled(entry);
    return entry.to;
  }

  /** The server's `error`. False when it answers nothing of this outbox. */
  refused(answer: ServerMessages["error"]): boolean {
    const entry = answer.ref === undefined ? undefined : this.#entries.get(answer.ref);
    if (!entry) return false;
    // The connection is about to end; the entry goes again on the next one.
    if (isErrorCode(answer.code) && errors[answer.code].retry === "reconnect") return true;
    const error = answeredError(answer);
    if (retriedCodes.has(answer.code)) {
      this.#inFlight -= 1;
      this.#postpone(entry, error);
    } else {
      this.#take(entry.ref);
      entry.outcome.reject(error);
      this.#settled(entry);
    }
    return true;
  }

  /** Resolves when nothing waits any more. */
  emptied(): Promise<void> {
    return this.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#empty.push(resolve));
  }

  /** Rejects everything that waits. */
  close(error: ParleyError): void {
    this.#endPause();
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    this.#characters = 0;
    this.#unsent = new Queue();
    for (const { outcome } of entries) outcome.reject(error);
    this.#tellEmpty();
  }

  #enter(send: StoredSend, outcome: Outcome): void {
    const ref = (this.#nextRef++).toString(36);
    const { clientId, to } = send;
    const entry = { ref, clientId, to, text: JSON.stringify({ ...send, op: "send", ref }), outcome };
    this.#entries.set(ref, entry);
    this.#characters += entry.text.length;
    this.#unsent.push(entry);
  }

  #take(ref: string | undefined): Entry | undefined {
    const entry = ref === undefined ? undefined : this.#entries.get(ref);
    if (!entry) return undefined;
    this.#delete(entry);
    this.#inFlight -= 1;
    return entry;
  }

  #delete(entry: Entry): void {
    this.#entries.delete(entry.ref);
    this.#characters -= entry.text.length;
  }

  #settled(entry: Entry): void {
    this.#options.settled(entry.clientId);
    if (this.#entries.size === 0) this.#tellEmpty();
    this.#pump();
  }

  #pump(): void {
    if (this.#pause !== "none" && !this.#resume()) return;
    const { send } = this.#options;
    const window = this.#isProbing ? 1 : Math.floor(this.#window);
    while (this.#inFlight < window && this.#unsent.size > 0) {
      const entry = this.#unsent.shift() as Entry;
      if (this.#isTooLong(entry)) this.#refuseTooLong(entry);
      else if (send(entry.text)) this.#inFlight += 1;
      else {
        this.#unsent.unshift([entry]);
        return;
      }
    }
  }

  #isTooLong({ text }: Entry): boolean {
    // A UTF-16 unit takes at most 3 bytes of UTF-8, so most texts need no count.
    return text.length * 3 > this.#maxFrameBytes && new TextEncoder().encode(text).length > this.#maxFrameBytes;
  }

  /** The server would close the connection over it, and again at every repeat. */
  #refuseTooLong(entry: Entry): void {
    this.#delete(entry);
    entry.outcome.reject(
      new ParleyError("too_large", `the message is longer than the server takes (${this.#maxFrameBytes} bytes)`),
    );
    this.#options.settled(entry.clientId);
    if (this.#entries.size === 0) this.#tellEmpty();
  }

  #postpone(entry: Entry, error: ParleyError): void {
    if (this.#pause === "none") {
      this.#pause = "waiting";
      if (error.code === "rate_limited") this.#window = Math.max(1, this.#window / 2);
      const retryInMs = this.#options.backoff.next(error.retryAfter);
      this.#cancelPause = this.#options.environment.after(retryInMs, () => {
        this.#pause = "over";
        this.#pump();
      });
      this.#options.postponed(entry.clientId, error, retryInMs);
    } else this.#pump();
  }

  /** Ends a pause when it may end: the order is kept only if nothing is in flight when the refused ones go again. */
  #resume(): boolean {
    if (this.#pause !== "over" || this.#inFlight > 0) return false;
    this.#pause = "none";
    this.#isProbing = true;
    this.#requeue();
    return true;
  }

  #endPause(): void {
    this.#cancelPause?.();
    this.#pause = "none";
  }

  #requeue(): void {
    this.#unsent = new Queue();
    for (const entry of this.#entries.values()) this.#unsent.push(entry);
    this.#inFlight = 0;
  }

  #tellEmpty(): void {
    const waiting = this.#empty;
    this.#empty = [];
    for (const resolve of waiting) resolve();
  }
}
