/**
 * How much waits unacknowledged for one user: messages from others (and from the user to the user) in the user's log above
 * the furthest that any device has acknowledged. Own copies do not count. Counted in blocks of at most 1/256 of the quota,
 * and a block counts until all of it is acknowledged: so memory is bounded, and an inbox is full by that much too early at
 * most. Bytes are those of ASCII: every other character counts as one too. Hot path: told of every message to a user.
 */

/** A run of entries of the log. */
interface Block {
  lastSeq: number;
  messages: number;
  bytes: number;
}

export interface Quota {
  /** 0: no limit. */
  readonly inboxMessages: number;
  readonly inboxBytes: number;
}

const blocksPerQuota = 256;

export class Inbox {
  readonly #blockMessages: number;
  readonly #blockBytes: number;
  /** Ascending from `#oldest`. */
  #blocks: Block[] = [];
  #oldest = 0;
  #acked = 0;
  /** What is stored and not acknowledged, and what is about to be stored. */
  messages = 0;
  bytes = 0;
  /** The first entry that this has been told of; what is older is found in the log. */
  firstSeq = Number.POSITIVE_INFINITY;

  constructor({ inboxMessages, inboxBytes }: Quota) {
    this.#blockMessages = Math.max(1, Math.floor(inboxMessages / blocksPerQuota));
    this.#blockBytes = Math.max(1, Math.floor(inboxBytes / blocksPerQuota));
  }

  /** Up to where the user has everything. */
  get acked(): number {
    return this.#acked;
  }

  /** A message of so many bytes is on its way into the log. */
  expect(bytes: number): void {
    this.messages += 1;
    this.bytes += bytes;
  }

  /** It was not stored. */
  missed(bytes: number): void {
    this.messages -= 1;
    this.bytes -= bytes;
  }

  /** It was stored, as `seq`. */
  stored(seq: number, bytes: number): void {
    if (seq < this.firstSeq) this.firstSeq = seq;
    if (seq <= this.#acked) return this.missed(bytes);
    const last = this.#blocks.at(-1);
    if (last && last.messages < this.#blockMessages && last.bytes + bytes <= this.#blockBytes) {
      last.lastSeq = seq;
      last.messages += 1;
      last.bytes += bytes;
    } else this.#blocks.push({ lastSeq: seq, messages: 1, bytes });
  }

  /** What the log held before `firstSeq`: entries with their bytes, newest first. */
  found(entries: readonly { readonly seq: number; readonly bytes: number }[]): void {
    const older = this.#blocks;
    this.#blocks = [];
    for (const { seq, bytes } of entries.toReversed()) {
      this.expect(bytes);
      this.stored(seq, bytes);
    }
    this.#blocks.push(...older.slice(this.#oldest));
    this.#oldest = 0;
  }

  /** The user has, or will never get, everything up to `seq`. */
  ack(seq: number): void {
    if (seq <= this.#acked) return;
    this.#acked = seq;
    const blocks = this.#blocks;
    for (let block = blocks[this.#oldest]; block && block.lastSeq <= seq; block = blocks[this.#oldest]) {
      this.messages -= block.messages;
      this.bytes -= block.bytes;
      this.#oldest += 1;
    }
    if (this.#oldest === blocks.length) {
      blocks.length = 0;
      this.#oldest = 0;
    } else if (this.#oldest > blocksPerQuota) {
      this.#blocks = blocks.slice(this.#oldest);
      this.#oldest = 0;
    }
  }
}
