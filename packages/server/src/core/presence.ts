/**
 * Who is online, and telling those who watch. A user is online while any session lives. Changes within one short
 * interval are told together, and only what changed: a storm of reconnections costs watchers few events.
 */
import type { Presence as PresenceStatus, UserKey } from "@parley/protocol";
import type { Clock } from "./clock.ts";
import type { Directory, User, UserSession } from "./directory.ts";

const coalesceMs = 20;

/** A session that may watch others, and whose user others may watch. */
export interface Watcher extends UserSession {
  readonly user: User;
  /** None: nobody. */
  watching: Set<UserKey> | "everybody" | undefined;
  tellPresence(users: readonly User[]): void;
}

export class Presence {
  readonly #clock: Clock;
  readonly #directory: Directory;
  readonly #onError: (error: unknown) => void;
  readonly #watchers = new Map<UserKey, Set<Watcher>>();
  readonly #watchersOfAll = new Set<Watcher>();
  readonly #listeners = new Set<() => void>();
  /** Users with a session, in the order in which they came. */
  readonly online = new Set<User>();
  /** What watchers were last told of users that changed since; "various" where somebody asked in between. */
  #changed = new Map<User, boolean | "various">();
  #timer: NodeJS.Timeout | undefined;

  constructor(clock: Clock, directory: Directory, onError: (error: unknown) => void) {
    this.#clock = clock;
    this.#directory = directory;
    this.#onError = onError;
  }

  /** The user's presence now. */
  of(user: User): PresenceStatus {
    if (this.#changed.has(user)) this.#changed.set(user, "various");
    return user.sessions.size > 0
      ? { user: user.name, online: true }
      : { user: user.name, online: false, lastSeen: user.lastSeen };
  }

  sessionBegan(session: Watcher): void {
    const { user } = session;
    if (user.sessions.size === 0) this.#change(user, false);
    user.sessions.add(session);
    this.online.add(user);
  }

  sessionEnded(session: Watcher): void {
    const { user } = session;
    this.unwatch(session, undefined);
    if (!user.sessions.delete(session) || user.sessions.size > 0) return;
    this.online.delete(user);
    this.#change(user, true);
    this.#directory.saw(user, this.#clock.now()).catch(this.#onError);
  }

  #change(user: User, before: boolean): void {
    if (!this.#changed.has(user)) this.#changed.set(user, before);
    this.#timer ??= setTimeout(() => this.#tell(), coalesceMs);
  }

  #tell(): void {
    this.#timer = undefined;
    const changes = [...this.#changed].filter(([user, before]) => before !== user.sessions.size > 0);
    this.#changed = new Map();
    const bySession = new Map<Watcher, User[]>();
    for (const [user] of changes) {
      const watchers = this.#watchers.get(user.key) ?? [];
      for (const session of [...watchers, ...this.#watchersOfAll]) {
        const users = bySession.get(session);
        if (users) users.push(user);
        else bySession.set(session, [user]);
      }
    }
    for (const [session, users] of bySession) session.tellPresence(users);
    if (changes.length > 0) for (const listener of this.#listeners) listener();
  }

  /**
   * Calls `listener` after the set of online users changed, once for changes within one interval: for a gateway that
   * tells all its peers the same, which would cost more by a watch for each. Returns what ends it.
   */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Watches these users, known or not, or everybody. */
  watch(session: Watcher, users: readonly UserKey[] | undefined): void {
    if (users === undefined) {
      this.unwatch(session, undefined);
      session.watching = "everybody";
      this.#watchersOfAll.add(session);
      return;
    }
    if (session.watching === "everybody") return;
    session.watching ??= new Set();
    for (const user of users) {
      session.watching.add(user);
      const watchers = this.#watchers.get(user) ?? new Set();
      this.#watchers.set(user, watchers.add(session));
    }
  }

  /** Stops watching these users, or everybody. */
  unwatch(session: Watcher, users: readonly UserKey[] | undefined): void {
    const { watching } = session;
    if (watching === "everybody") {
      if (users !== undefined) return;
      this.#watchersOfAll.delete(session);
      session.watching = undefined;
      return;
    }
    if (watching === undefined) return;
    for (const user of users ?? [...watching]) {
      watching.delete(user);
      const watchers = this.#watchers.get(user);
      watchers?.delete(session);
      if (watchers?.size === 0) this.#watchers.delete(user);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
