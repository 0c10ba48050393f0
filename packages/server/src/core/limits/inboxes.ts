/**
 * Whether a user's inbox is full (`Inbox`). What waited before this process is found in the log when the user is first
 * sent something: in the background, because senders do not wait; until it is found, what waited counts as nothing.
 */
import type { Engine } from "../../engine/engine.ts";
import type { Entry } from "../../engine/entry.ts";
import type { Cursors } from "../cursors.ts";
import type { User } from "../directory.ts";
import { parsePayload } from "../message.ts";
import { Inbox, type Quota } from "./inbox.ts";

const pageEntries = 256;
/** Entries that are looked at at most, for each that the quota allows: own copies stand between those that count. */
const lookedAtPerAllowed = 2;

export class Inboxes {
  readonly #engine: Engine;
  readonly #cursors: Cursors;
  readonly #quota: Quota;
  readonly #onError: (message: string, error: unknown) => void;

  constructor(engine: Engine, cursors: Cursors, quota: Quota, onError: (message: string, error: unknown) => void) {
    this.#engine = engine;
    this.#cursors = cursors;
    this.#quota = quota;
    this.#onError = onError;
  }

  /** Whether nothing more is to be put into the user's log. Hot path. */
  isFull(user: User): boolean {
    const { inboxMessages, inboxBytes } = this.#quota;
    const { inbox } = user;
    if (inbox)
      return (inboxMessages > 0 && inbox.messages >= inboxMessages) || (inboxBytes > 0 && inbox.bytes >= inboxBytes);
    if (inboxMessages > 0 || inboxBytes > 0) this.#open(user);
    return false;
  }

  #open(user: User): void {
    const inbox = new Inbox(this.#quota);
    user.inbox = inbox;
    this.#find(user, inbox).catch((error: unknown) => {
      // Asked again by the next message.
      user.inbox = undefined;
      this.#onError("an inbox could not be counted", error);
    });
  }

  async #find(user: User, inbox: Inbox): Promise<void> {
    const { key } = user;
    const { epoch, tail } = await this.#engine.head(key);
    inbox.ack(await this.#cursors.ofUser(key, key, epoch));
    const { inboxMessages, inboxBytes } = this.#quota;
    const found: { readonly seq: number; readonly bytes: number }[] = [];
    let bytes = 0;
    let from = tail + 1;
    let left = inboxMessages > 0 ? inboxMessages * lookedAtPerAllowed : Number.POSITIVE_INFINITY;
    const enough = () =>
      (inboxMessages > 0 && found.length >= inboxMessages) || (inboxBytes > 0 && bytes >= inboxBytes);
    while (from - 1 > inbox.acked && left > 0 && !enough()) {
      const page = await this.#engine.read(key, from, "backward", pageEntries);
      if (page.length === 0) break;
      for (const entry of page) {
        from = entry.seq;
        left -= 1;
        if (entry.seq <= inbox.acked || entry.seq >= inbox.firstSeq || isCopy(entry, user)) continue;
        const size = entry.payload.length;
        bytes += size;
        found.push({ seq: entry.seq, bytes: size });
      }
    }
    inbox.found(found.filter(({ seq }) => seq > inbox.acked));
  }
}

/** What the user sent to others only. */
function isCopy({ payload }: Entry, { name }: User): boolean {
  if (!payload.includes(`"from":"${name}","to":`)) return false;
  const { from, to } = parsePayload(payload);
  return from === name && ![to].flat().includes(name);
}
