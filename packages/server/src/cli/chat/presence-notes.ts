/**
 * Tells when the people of this conversation come and go. A change counts when it has lasted a moment: a connection
 * that was lost and made again is nobody's business.
 */
import type { Presence } from "@parley/client";
import { parseUser } from "@parley/protocol";
import { shortTime } from "../clock-text.ts";
import { presenceText } from "../presence-text.ts";

const settleMs = 1_500;

interface Known {
  /** What the person was told last. */
  told: boolean;
  latest: Presence;
  timer: NodeJS.Timeout | undefined;
}

export class PresenceNotes {
  readonly #say: (text: string) => void;
  readonly #known = new Map<string, Known>();

  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  /** The server's word. The first about a user is only remembered, unless it is about the one who is talked to. */
  heard(presence: Presence, recipient: string | undefined): void {
    const key = keyOf(presence.user);
    const known = this.#known.get(key);
    if (!known) {
      this.#known.set(key, { told: presence.online, latest: presence, timer: undefined });
      if (recipient !== undefined && keyOf(recipient) === key) this.#tell(presence);
      return;
    }
    known.latest = presence;
    clearTimeout(known.timer);
    known.timer = undefined;
    if (presence.online !== known.told) known.timer = setTimeout(() => this.#changed(known), settleMs);
  }

  /** Says how it is with a user, if that is known. */
  recall(user: string): void {
    const known = this.#known.get(keyOf(user));
    if (known) this.#tell(known.latest);
  }

  close(): void {
    for (const { timer } of this.#known.values()) clearTimeout(timer);
  }

  #changed(known: Known): void {
    known.told = known.latest.online;
    this.#tell(known.latest);
  }

  #tell(presence: Presence): void {
    this.#say(`${presence.user}: ${presenceText(presence, (ms) => shortTime(ms))}`);
  }
}

function keyOf(user: string): string {
  const parsed = parseUser(user);
  return parsed.ok ? parsed.value.key : user;
}
