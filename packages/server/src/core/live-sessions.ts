/**
 * The sessions there are, one per device, and their end: a newer one of the same device, an identity that has expired,
 * or one that was revoked. Every session of every gateway is here from its login on. Used by `core.ts`, `login.ts`,
 * `admission.ts` and `revocations.ts`.
 */
import type { DeviceKey, ErrorCode, UserKey } from "@parley/protocol";
import type { User } from "./directory.ts";
import type { Identity } from "./identity.ts";

/** A session as far as its end is concerned. */
export interface LiveSession {
  /** `user/device`. */
  readonly origin: string;
  readonly user: User;
  readonly device: DeviceKey;
  readonly identity: Identity;
  close(code: ErrorCode, message: string): void;
}

/** How often it is looked whose time is up; sessions end at most this much too late. */
const sweepMs = 250;

export class LiveSessions<S extends LiveSession = LiveSession> {
  readonly #now: () => number;
  readonly #byOrigin = new Map<string, S>();
  /** Those whose identity has an end: few things are looked at in a sweep, and none where nobody has one. */
  readonly #expiring = new Set<S>();
  #sweeping: NodeJS.Timeout | undefined;

  /** `now` is in milliseconds since the epoch. */
  constructor(now: () => number) {
    this.#now = now;
  }

  get all(): S[] {
    return [...this.#byOrigin.values()];
  }

  /** Takes a session in; the one that its device had ends. */
  add(session: S): void {
    this.#byOrigin.get(session.origin)?.close("replaced", "the same device connected again");
    this.#byOrigin.set(session.origin, session);
    this.#watchExpiry(session);
  }

  /** Whether that device of that user has a session. */
  has(user: UserKey, device: DeviceKey): boolean {
    return this.#byOrigin.has(`${user}/${device}`);
  }

  delete(session: S): void {
    if (this.#byOrigin.get(session.origin) === session) this.#byOrigin.delete(session.origin);
    this.#forgetExpiry(session);
  }

  /** The identity of the session of that device has changed. */
  renewed(origin: string): void {
    const session = this.#byOrigin.get(origin);
    if (session) this.#watchExpiry(session);
  }

  #watchExpiry(session: S): void {
    if (session.identity.expiresAt === Infinity) return this.#forgetExpiry(session);
    this.#expiring.add(session);
    this.#sweeping ??= setInterval(() => this.#sweep(), sweepMs).unref();
  }

  #forgetExpiry(session: S): void {
    if (this.#expiring.delete(session) && this.#expiring.size === 0) this.#stopSweeping();
  }

  /** Ends the sessions that `concerns`. Returns how many. */
  close(code: ErrorCode, message: string, concerns: (session: S) => boolean): number {
    const concerned = this.all.filter(concerns);
    for (const session of concerned) session.close(code, message);
    return concerned.length;
  }

  /** Compares with the clock instead of setting timers, so that a clock which was put right is obeyed at once. */
  #sweep(): void {
    const now = this.#now();
    for (const session of [...this.#expiring])
      if (session.identity.expiresAt <= now) session.close("token_expired", "the token has expired");
  }

  #stopSweeping(): void {
    clearInterval(this.#sweeping);
    this.#sweeping = undefined;
  }
}
