/**
 * Who is a member of the room from where to where in its log. A membership begins after the first position that the
 * server told the member (in the answer to the `join`, or, where that was lost, in the next `welcome`) and ends at the
 * last entry before the `leave`; the run lets nobody speak while somebody leaves, so both ends are exact.
 */
import type { LogPosition } from "./sent-message.ts";

interface Membership {
  /** Undefined until the server has told it. */
  begin: LogPosition | undefined;
  /** The last seq that the member is to get; undefined while it goes on. */
  end: number | undefined;
}

export class Memberships {
  readonly #ofUser = new Map<string, Membership[]>();
  #epochChanges = 0;

  /** The log began anew under somebody who reads it: the server has lost it. */
  get epochChanges(): number {
    return this.#epochChanges;
  }

  isMember(user: string): boolean {
    const last = this.#ofUser.get(user)?.at(-1);
    return last !== undefined && last.end === undefined;
  }

  /** The user asks to join. */
  joining(user: string): void {
    if (this.isMember(user)) return;
    const all = this.#ofUser.get(user) ?? [];
    all.push({ begin: undefined, end: undefined });
    this.#ofUser.set(user, all);
  }

  /** The server told the user where it reads the room's log. */
  told(user: string, position: LogPosition): void {
    const last = this.#ofUser.get(user)?.at(-1);
    if (!last || last.end !== undefined) return;
    if (last.begin === undefined) last.begin = position;
    else if (last.begin.epoch !== position.epoch) this.#epochChanges += 1;
  }

  /** The user has left; `end` was the last entry of the log. */
  left(user: string, end: number): void {
    const last = this.#ofUser.get(user)?.at(-1);
    if (last && last.end === undefined) last.end = end;
  }

  /** Whether the user was a member when the entry at `position` was written. */
  includes(user: string, { epoch, seq }: LogPosition): boolean {
    return (this.#ofUser.get(user) ?? []).some(({ begin, end }) => {
      if (begin === undefined) return false;
      return begin.epoch === epoch ? seq > begin.seq && (end === undefined || seq <= end) : end === undefined;
    });
  }
}
