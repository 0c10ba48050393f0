/**
 * How far devices and users have acknowledged, per log. A device's cursor decides where its next session starts; the
 * user's own cursor (device "") is the furthest of all devices, and where a new device starts. Written lazily: losing
 * the latest ones costs a redelivery.
 */
import type { DeviceKey, LogName, UserKey } from "@parley/protocol";
import type { Engine } from "../engine/engine.ts";

export interface CursorPosition {
  readonly epoch: string;
  readonly seq: number;
}

function cursorKey(user: UserKey, device: DeviceKey | "", log: LogName): string {
  return `${user} ${device} ${log}`;
}

export class Cursors {
  readonly #engine: Engine;
  /** Cursors of users that have, or had, a session in this process. */
  readonly #users = new Map<UserKey, Map<string, CursorPosition>>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async #load(user: UserKey): Promise<Map<string, CursorPosition>> {
    const known = this.#users.get(user);
    if (known) return known;
    const loaded = new Map<string, CursorPosition>(await this.#engine.scan("cursor", `${user} `));
    const raced = this.#users.get(user);
    if (raced) return raced;
    this.#users.set(user, loaded);
    return loaded;
  }

  /** Where the device stands in the log, or else a new device of its user starts; undefined if nothing was acknowledged. */
  async start(user: UserKey, device: DeviceKey, log: LogName): Promise<CursorPosition | undefined> {
    const cursors = await this.#load(user);
    return cursors.get(cursorKey(user, device, log)) ?? cursors.get(cursorKey(user, "", log));
  }

  /** The furthest that any device of the user has acknowledged in the log; seq 0 if nothing in that epoch. */
  async ofUser(user: UserKey, log: LogName, epoch: string): Promise<number> {
    const cursor = (await this.#load(user)).get(cursorKey(user, "", log));
    return cursor?.epoch === epoch ? cursor.seq : 0;
  }

  /** A device has acknowledged up to `seq`. A device of one connection only (`lasting: false`) moves the user's alone. */
  moved(user: UserKey, device: DeviceKey, lasting: boolean, log: LogName, { epoch, seq }: CursorPosition): void {
    const cursors = this.#users.get(user);
    if (!cursors) throw new Error(`cursors of ${user} moved before they were loaded`);
    if (lasting) this.#set(cursors, user, device, log, { epoch, seq });
    const furthest = cursors.get(cursorKey(user, "", log));
    if (furthest === undefined || furthest.epoch !== epoch || furthest.seq < seq) {
      this.#set(cursors, user, "", log, { epoch, seq });
    }
  }

  #set(
    cursors: Map<string, CursorPosition>,
    user: UserKey,
    device: DeviceKey | "",
    log: LogName,
    at: CursorPosition,
  ): void {
    const key = cursorKey(user, device, log);
    cursors.set(key, at);
    this.#engine.commitCursor({ kind: "cursor", key, value: { user, device, log, ...at } });
  }

  /** The keys of all cursors of the user in a log. */
  async keysOf(user: UserKey, log: LogName): Promise<string[]> {
    return [...(await this.#load(user)).keys()].filter((key) => key.endsWith(` ${log}`));
  }

  /** Forgets all cursors of the user in a log, those that were moved since they were deleted from the engine too. */
  async forget(user: UserKey, log: LogName): Promise<void> {
    const cursors = await this.#load(user);
    for (const key of await this.keysOf(user, log)) {
      cursors.delete(key);
      this.#engine.commitCursor({ kind: "cursor", key, value: undefined });
    }
  }
}
