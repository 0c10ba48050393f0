/**
 * The names that people in the chat rename themselves to. One per gateway, so that of two connections that want the same
 * name at the same moment one gets it.
 */
import { fail, parseUser, type Result, type UserAddress, type UserKey } from "@parley/protocol";
import type { Core } from "../../core/core.ts";
import type { User } from "../../core/directory.ts";
import { checkChoosable } from "../../core/reserved-names.ts";
import { StorageUnavailable } from "../../engine/engine.ts";
import { lobby } from "./codec.ts";

export class Names {
  readonly #core: Core;
  /** Names that somebody is about to have. */
  readonly #claimed = new Set<UserKey>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Takes a guest out of the lobby; to be called with the guests' own users only. */
  async dismiss(guest: User): Promise<void> {
    try {
      await this.#core.leave(guest, lobby);
    } catch (error) {
      // The membership was never on disk: it ends with the process.
      if (!(error instanceof StorageUnavailable)) throw error;
    }
  }

  /**
   * Reserves a name for a connection that is about to have it, until `release`. Faults: `bad_name`, `forbidden` for a name
   * that nobody can choose, or somebody's who is online.
   */
  claim(text: string): Result<UserAddress> {
    const address = parseUser(text);
    if (!address.ok) return address;
    const { key, name } = address.value;
    const allowed = checkChoosable(key);
    if (!allowed.ok) return allowed;
    const online = (this.#core.user(name)?.sessions.size ?? 0) > 0;
    if (online || this.#claimed.has(key)) return fail("forbidden", `the name ${name} is taken`);
    this.#claimed.add(key);
    return address;
  }

  release({ key }: UserAddress): void {
    this.#claimed.delete(key);
  }
}
