/**
 * Entries of one log that were settled in one turn of the event loop, in order. Offered whole to everybody who reads the
 * log: what a reader costs is then nearly the same for one entry as for thirty, and they are encoded once for all. Hot path.
 */
import type { LogName, UserKey } from "@parley/protocol";
import type { Entry, EntryEncoder } from "../engine/entry.ts";
import { wantsReceipt } from "./message.ts";

/** Entries of more characters together are not joined: large frames go out as they are, and one copy of each is enough. */
const joinedChars = 32_768;
/** Between user and device in an origin. */
const slash = "/".charCodeAt(0);

export class Run {
  readonly log: LogName;
  /** At least one. */
  readonly entries: readonly Entry[];
  readonly first: number;
  readonly last: number;
  /**
   * Whether all of it may be delivered without a look at each: no seq is left out, nothing expires, nobody waits for a receipt,
   * and it is not too large to be joined.
   */
  readonly plain: boolean;
  /** Where entries came from, each once for those in a row; empty for what may have come from anywhere. */
  readonly #origins: readonly string[];
  /** By encoder: readers of several protocols take turns. */
  #encoded: Map<EntryEncoder, Buffer> | undefined;

  constructor(entries: readonly Entry[]) {
    const first = entries[0] as Entry;
    this.log = first.log;
    this.entries = entries;
    this.first = first.seq;
    this.last = (entries[entries.length - 1] as Entry).seq;
    const origins = [first.origin];
    let plain = this.last - this.first + 1 === entries.length;
    let chars = 0;
    for (const { origin, expiresAt, payload } of entries) {
      if (expiresAt !== 0 || wantsReceipt(payload)) plain = false;
      chars += payload.length;
      if (origin !== origins[origins.length - 1]) origins.push(origin);
    }
    this.plain = plain && chars <= joinedChars;
    this.#origins = origins;
  }

  /** Whether an entry may have been sent by a device of the user. */
  mayBeFrom(user: UserKey): boolean {
    for (const origin of this.#origins) {
      if (origin === "" || (origin.charCodeAt(user.length) === slash && origin.startsWith(user))) return true;
    }
    return false;
  }

  /** The frames that `encoder` makes of the entries, one after the other, made once and shared. */
  encodedBy(encoder: EntryEncoder): Buffer {
    this.#encoded ??= new Map();
    let encoded = this.#encoded.get(encoder);
    if (!encoded) {
      encoded = Buffer.concat(this.entries.map(encoder));
      this.#encoded.set(encoder, encoded);
    }
    return encoded;
  }
}
