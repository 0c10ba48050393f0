/**
 * The book of one file: what was sent, answered and delivered, and in the end the comparison. Pure: it is told
 * everything, so that each check can be shown to catch its fault (`book.test.ts`). `delivered` is the hot path of the
 * whole run. Definitions of the faults: docs/replay.md.
 */
import { DeliveryOrder } from "./delivery-order.ts";
import { Findings } from "./findings.ts";
import { Memberships } from "./membership.ts";
import { SeenSet } from "./seen-set.ts";
import { type DeliveredMessage, isUnaltered, type LogPosition, type SentMessage } from "./sent-message.ts";

interface Entry extends SentMessage {
  readonly index: number;
  outcome: "open" | "acknowledged" | "refused";
  /** Where it is in its log, as the sender was told, or else as it was first delivered. */
  position: LogPosition | undefined;
}

export interface BookOptions {
  /** The room's log. */
  readonly room: string;
  /** How the `clientId`s of this run begin: what begins otherwise was sent by somebody else. */
  readonly runPrefix: string;
  /** Whether others may use the same server: then what they send is none of our business. */
  readonly shared: boolean;
}

export class Book {
  readonly memberships = new Memberships();
  readonly #options: BookOptions;
  readonly #findings = new Findings();
  readonly #entries = new Map<string, Entry>();
  readonly #seen = new Map<string, SeenSet>();
  readonly #order = new DeliveryOrder();
  #open = 0;
  #lastSeq = 0;

  constructor(options: BookOptions) {
    this.#options = options;
  }

  /** How many sends have no answer. */
  get open(): number {
    return this.#open;
  }

  get sent(): number {
    return this.#entries.size;
  }

  get acknowledged(): number {
    return this.#findings.counts.acknowledged;
  }

  get delivered(): number {
    return this.#findings.counts.delivered;
  }

  /** Seq of the last entry of the room's log that was acknowledged. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** A user who receives. */
  enlist(user: string): void {
    if (!this.#seen.has(user)) this.#seen.set(user, new SeenSet());
  }

  /** A send was handed to a client. */
  send(message: SentMessage): void {
    const entry: Entry = { ...message, index: this.#entries.size, outcome: "open", position: undefined };
    this.#entries.set(message.clientId, entry);
    this.#open += 1;
    this.#findings.count("sent");
    this.#findings.count(message.log === this.#options.room ? "room" : "direct");
    if (typeof message.body !== "string") this.#findings.count("asBytes");
  }

  /** The server's `ok`. */
  acknowledge(clientId: string, positions: readonly LogPosition[], duplicate: boolean): void {
    const entry = this.#entries.get(clientId);
    if (entry?.outcome !== "open") return;
    entry.outcome = "acknowledged";
    this.#open -= 1;
    this.#findings.count("acknowledged");
    if (duplicate) this.#findings.count("repeatedSends");
    const position = positions.find(({ log }) => log === entry.log);
    if (!position) this.#findings.fault("reordered", () => `${describe(entry)}: the answer has no position in its log`);
    else this.#place(entry, position);
    if (position && entry.log === this.#options.room) this.#lastSeq = Math.max(this.#lastSeq, position.seq);
  }

  /** The server's `error`. */
  refuse(clientId: string, why: string): void {
    const entry = this.#entries.get(clientId);
    if (entry?.outcome !== "open") return;
    entry.outcome = "refused";
    this.#open -= 1;
    this.#findings.fault("refused", () => `${describe(entry)}: ${why}`);
  }

  /** The application of `user` was handed a message. */
  deliver(user: string, message: DeliveredMessage): void {
    const entry = message.clientId === undefined ? undefined : this.#entries.get(message.clientId);
    if (!entry) {
      this.#deliverUnknown(user, message);
      return;
    }
    this.#findings.count("delivered");
    if (message.log !== entry.log) {
      this.#findings.fault("misdelivered", () => `${describe(entry)}: to ${user} in the log of ${message.log}`);
      return;
    }
    if (!isUnaltered(entry, message))
      this.#findings.fault("invented", () => `${describe(entry)}: altered on its way to ${user}`);
    if (this.#seen.get(user)?.add(entry.index) === false) {
      this.#findings.fault("duplicated", () => `${describe(entry)}: again to ${user}, seq ${message.seq}`);
      return;
    }
    if (!this.#order.follows(user, message, entry.sender, entry.line))
      this.#findings.fault("reordered", () => `${describe(entry)}: to ${user} too late, seq ${message.seq}`);
    this.#place(entry, message);
  }

  /** Whether the user has got the last thing said in the room that it has to get (and so, in order, all before it). */
  isUpToDate(user: string, wanted: SentMessage | undefined): boolean {
    const entry = wanted && this.#entries.get(wanted.clientId);
    return entry === undefined || this.#seen.get(user)?.has(entry.index) === true;
  }

  /** The last acknowledged room message that the user is to get. */
  lastFor(user: string): SentMessage | undefined {
    return [...this.#entries.values()]
      .filter((entry) => entry.log === this.#options.room && this.#isFor(user, entry))
      .reduce<Entry | undefined>((last, entry) => (seqOf(entry) > seqOf(last) ? entry : last), undefined);
  }

  /** A device that did not come to `live` at the end. */
  undrained(user: string): void {
    this.#findings.fault("undrained", () => `${user} did not get to the end of its logs`);
  }

  /** Compares what was delivered with what should have been. */
  compare(): Findings {
    for (let i = 0; i < this.memberships.epochChanges; i += 1)
      this.#findings.fault("resets", () => "the server began the room's log anew");
    for (const entry of this.#entries.values()) {
      if (entry.outcome === "open") this.#findings.fault("unanswered", () => `${describe(entry)}`);
      for (const [user, seen] of this.#seen) this.#compareOne(entry, user, seen.has(entry.index));
    }
    return this.#findings;
  }

  #compareOne(entry: Entry, user: string, got: boolean): void {
    if (entry.outcome === "refused") {
      if (got) this.#findings.fault("invented", () => `${describe(entry)}: was refused and yet delivered to ${user}`);
      return;
    }
    const due = this.#isFor(user, entry);
    if (got && !due) this.#findings.fault("misdelivered", () => `${describe(entry)}: to ${user}`);
    if (due && !got && entry.outcome === "acknowledged")
      this.#findings.fault("lost", () => `${describe(entry)}: acknowledged, and never came to ${user}`);
  }

  #isFor(user: string, { log, sender, position }: Entry): boolean {
    if (log !== this.#options.room) return log === user;
    return user !== sender && position !== undefined && this.memberships.includes(user, position);
  }

  /** One message has one place in its log, whoever says it. */
  #place(entry: Entry, { log, epoch, seq }: LogPosition): void {
    const known = entry.position;
    if (known === undefined) entry.position = { log, epoch, seq };
    else if (known.seq !== seq || known.epoch !== epoch)
      this.#findings.fault("reordered", () => `${describe(entry)}: at seq ${seq} and at seq ${known.seq}`);
  }

  #deliverUnknown(user: string, { clientId = "", log, seq, from }: DeliveredMessage): void {
    const { runPrefix, shared } = this.#options;
    const where = `${log} seq ${seq}, from ${from} to ${user}`;
    if (clientId.startsWith(runPrefix)) this.#findings.fault("duplicated", () => `${where}: of an earlier file`);
    else if (!shared) this.#findings.fault("invented", () => `${where}: nobody sent it`);
  }
}

function seqOf(entry: Entry | undefined): number {
  return entry?.position?.seq ?? 0;
}

function describe({ line, sender, log, position }: Entry): string {
  return `line ${line} of ${sender} to ${log}${position ? ` (seq ${position.seq})` : ""}`;
}
