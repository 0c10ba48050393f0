/**
 * What a device sent last, to tell a repeat: the same text within five seconds of the last message that was taken,
 * whoever it went to. A message counts from when it is handed to the core; one that is refused afterwards never did.
 * Keeps digests: a text may be long, and devices many.
 */
import { hash } from "node:crypto";

const repeatMs = 5_000;

interface Sent {
  readonly ref: string;
  readonly digest: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export class SentMessages {
  /** The last one that was taken, and after it those on their way. */
  #sent: Sent[] = [];
  #count = 0;

  /** The message's `ref` for the core, or undefined: it repeats the last one. `now` in ms since the epoch. */
  add(text: string, now: number): string | undefined {
    const digest = hash("sha256", text);
    const last = this.#sent.at(-1);
    // A clock that was set back is no reason to refuse what is repeated for hours.
    if (last?.digest === digest && now >= last.at && now - last.at < repeatMs) return undefined;
    const ref = String(++this.#count);
    this.#sent.push({ ref, digest, at: now });
    return ref;
  }

  /** The message was stored: those before it do not matter any more. */
  taken(ref: string): void {
    const at = this.#sent.findIndex((one) => one.ref === ref);
    if (at > 0) this.#sent = this.#sent.slice(at);
  }

  refused(ref: string): void {
    this.#sent = this.#sent.filter((one) => one.ref !== ref);
  }
}
