/**
 * Dead letters and traces as they are shown: what the HTTP API answers, and programs that ask it go by. The server's
 * core makes them (`core/letter-book.ts`, `core/trace.ts`).
 */
import type { LogName } from "./names.ts";

/** Every reason, with what it means; docs/dead-letters.md has them from here (a test compares them). */
export const deadReasons = {
  expired: "its `ttl` passed before every reader had acknowledged it",
  inbox_full: "the recipient's inbox was over its quota, and the server is set to keep such messages here",
  retention: "the log's limits of age, count or size removed it before every reader had acknowledged it",
  unacked: "a reader had not acknowledged it `delivery.unackedHours` after it was stored",
  undeliverable: "the user or the room that it was for was removed",
  rejected: "a receiving client said that it will not have it (`reject`)",
  too_large: "the reader's protocol has no way to carry a message of that size",
} as const;
export type DeadReason = keyof typeof deadReasons;

/** A message as it is stored: what the payload of a log's entry parses to. */
export interface StoredMessage {
  readonly id: string;
  readonly from: string;
  readonly to: string | readonly string[];
  readonly ts: number;
  readonly body: string;
  readonly encoding?: "base64";
  readonly contentType?: string;
  readonly type?: string;
  readonly clientId?: string;
  readonly expiresAt?: number;
  readonly receipt?: true;
  /** The id of the message that was sent again; see `core/replay.ts`. */
  readonly replayOf?: string;
}

/** What a dead letter's payload parses to. */
export interface DeadLetter {
  readonly reason: DeadReason;
  /** When it became one, in ms since the epoch. */
  readonly ts: number;
  /** The log that the message was in, or would have been. */
  readonly log: LogName;
  readonly epoch: string;
  /** 0: it was turned away before it had a place in the log. */
  readonly seq: number;
  /** Users who had not acknowledged it, at most 100 of them; empty where that is the log's user alone. */
  readonly pending: readonly string[];
  /** What the client said that rejected it. */
  readonly note?: string;
  /** The message as it was stored. */
  readonly message: unknown;
}

/** A dead letter as it is shown. */
export interface Letter extends Omit<DeadLetter, "message"> {
  /** Its seq in the dead-letter log: what it is named by. */
  readonly letter: number;
  readonly message: StoredMessage;
  /** The latest replay. */
  readonly replayed?: { readonly id: string; readonly ts: number; readonly to: string };
}

export interface LetterPage {
  readonly letters: readonly Letter[];
  /** There may be more: pass it as `from`. */
  readonly next?: number;
}

export interface Purged {
  readonly purged: number;
  /** There may be more: go on with this as `from`. */
  readonly next?: number;
}

export interface Replayed {
  readonly letter: number;
  /** Of the new message. */
  readonly id: string;
  readonly ts: number;
  readonly to: string;
  /** It had been replayed before, and that was this. */
  readonly duplicate: boolean;
}

/** The device of a session. One object per session, which the records point to. */
export interface Receiver {
  readonly user: string;
  readonly device: string;
  readonly session: string;
  readonly gateway: string;
}

/** What is known of one device and one message. Times in ms since the epoch. */
export interface Delivery extends Receiver {
  readonly deliveredAt: number;
  readonly acknowledgedAt?: number;
}

/** How one reader of a log stands to the message. */
export interface TracedReader {
  readonly user: string;
  /** Whether any device of the user has acknowledged it: certain, from the cursors. */
  readonly acknowledged: boolean;
  /** The devices with a cursor of their own in this log. */
  readonly devices: readonly { readonly device: string; readonly acknowledged: boolean }[];
}

/** One log that the message was written to. */
export interface TracedPlace {
  readonly log: LogName;
  readonly epoch: string;
  readonly seq: number;
  readonly state: "acknowledged" | "pending" | "dead";
  /** Those whom it is for, at most 100; the sender of a copy is none. */
  readonly readers: readonly TracedReader[];
  readonly moreReaders: number;
  /** Deliveries that are still remembered: `deliveriesSince` says since when that is all of them. */
  readonly deliveries: readonly Delivery[];
}

/** A dead letter as a trace names it: without the message, which is the one that was traced. */
export type TracedLetter = Omit<Letter, "message">;

export interface Trace {
  readonly id: string;
  /** When the server took it, by the id: ms since the epoch. */
  readonly ts: number;
  /** What it was, without its body; absent where neither a log nor a dead letter has it any more. */
  readonly message?: Omit<StoredMessage, "body"> & { readonly bytes: number };
  readonly places: readonly TracedPlace[];
  readonly deadLetters: readonly TracedLetter[];
  /** Since when deliveries are remembered; absent: they are not. */
  readonly deliveriesSince?: number;
  readonly searched: {
    readonly logs: number;
    readonly deadLetters: number;
    /** False: the search took too long and was given up; name a log. */
    readonly complete: boolean;
  };
}
