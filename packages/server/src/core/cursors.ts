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

/** Where a cursor is now. One object for each, that moves, because that is often; `gone` when the cursor was forgotten. */
interface Place {
  epoch: string;
  seq: number;
  gone?: true;
}

function cursorKey(user: UserKey, device: DeviceKey | "", log: LogName): string {
  return `${user} ${device} ${log}`;
}

export class Cursors {
  readonly #engine: Engine;
  /** Cursors of users that have, or had, a session in this process. */
  readonly #users = new Map<UserKey, Map<string, Place>>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async #load(user: UserKey): Promise<Map<string, Place>> {
    const known = this.#users.get(user);
    if (known) return known;
    const stored = await this.#engine.scan("cursor", `${user} `);
    const loaded = new Map(stored.map(([key, { epoch, seq }]): [string, Place] => [key, { epoch, seq }]));
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
    const key = cursorKey(user, "", log);
    // Asked about everybody, in the background: that must not bring everybody's cursors into memory.
    const cursors = this.#users.get(user) ?? new Map(await this.#engine.scan("cursor", key));
    const cursor = cursors.get(key);
    return cursor?.epoch === epoch ? cursor.seq : 0;
  }

  /** The same of a user who has a session, at once. */
  known(user: UserKey, log: LogName, epoch: string): number {
    const cursor = this.#users.get(user)?.get(cursorKey(user, "", log));
    return cursor?.epoch === epoch ? cursor.seq : 0;
  }

  /**
   * How far a device is in a log, to be moved with every acknowledgement: made once, because that is often. A device of
   * one connection only (`lasting: false`) moves its user's cursor alone. The user's cursors are loaded.
   */
  of(user: UserKey, device: DeviceKey, lasting: boolean, log: LogName): DeviceCursor {
    const cursors = this.#users.get(user);
    if (!cursors) throw new Error(`cursors of ${user} moved before they were loaded`);
    const own = new Cursor(this.#engine, cursors, { user, device: "", log });
    return new DeviceCursor(lasting ? new Cursor(this.#engine, cursors, { user, device, log }) : undefined, own);
  }

  /** Moves all the user's cursors in a log that stand before `to` there. A user without any gets the user's own. */
  async passOver(user: UserKey, log: LogName, to: CursorPosition): Promise<void> {
    const cursors = await this.#load(user);
    const own = cursorKey(user, "", log);
    for (const key of new Set([own, ...(await this.keysOf(user, log))])) {
      const at = cursors.get(key);
      if (at?.epoch === to.epoch && at.seq >= to.seq) continue;
      const device = key.split(" ")[1] as DeviceKey | "";
      new Cursor(this.#engine, cursors, { user, device, log }).move(to.epoch, to.seq);
    }
  }

  /** The keys of all cursors of the user in a log. */
  async keysOf(user: UserKey, log: LogName): Promise<string[]> {
    return [...(await this.#load(user)).keys()].filter((key) => key.endsWith(` ${log}`));
  }

  /** Forgets what is in memory of a user whose cursors were deleted from the engine. */
  forgetUser(user: UserKey): void {
    this.#users.delete(user);
  }

  /** Forgets all cursors of the user in a log, those that were moved since they were deleted from the engine too. */
  async forget(user: UserKey, log: LogName): Promise<void> {
    const cursors = await this.#load(user);
    for (const key of await this.keysOf(user, log)) {
      const place = cursors.get(key);
      if (place) place.gone = true;
      cursors.delete(key);
      this.#engine.commitCursor({ kind: "cursor", key, value: undefined });
    }
  }
}

/** Whose cursor, and in which log. */
interface Owner {
  readonly user: UserKey;
  readonly device: DeviceKey | "";
  readonly log: LogName;
}

/** One record: of a device, or of the user. */
class Cursor {
  readonly #engine: Engine;
  readonly #cursors: Map<string, Place>;
  readonly #key: string;
  readonly #owner: Owner;
  /** The one in `#cursors`, so that it need not be looked up; undefined: there is none yet. */
  #place: Place | undefined;

  constructor(engine: Engine, cursors: Map<string, Place>, owner: Owner) {
    this.#engine = engine;
    this.#cursors = cursors;
    this.#owner = owner;
    this.#key = cursorKey(owner.user, owner.device, owner.log);
    this.#place = cursors.get(this.#key);
  }

  /** Where it is; undefined: nothing was acknowledged yet. */
  get position(): CursorPosition | undefined {
    if (this.#place === undefined || this.#place.gone) this.#place = this.#cursors.get(this.#key);
    return this.#place;
  }

  /** Where it is already, nothing is written. */
  move(epoch: string, seq: number): void {
    const { position } = this;
    if (position?.seq === seq && position.epoch === epoch) return;
    if (this.#place) {
      this.#place.epoch = epoch;
      this.#place.seq = seq;
    } else {
      this.#place = { epoch, seq };
      this.#cursors.set(this.#key, this.#place);
    }
    const { user, device, log } = this.#owner;
    this.#engine.commitCursor({ kind: "cursor", key: this.#key, value: { user, device, log, epoch, seq } });
  }
}

/** A device in a log, and with it its user. Hot path. */
export class DeviceCursor {
  readonly #device: Cursor | undefined;
  readonly #user: Cursor;

  constructor(device: Cursor | undefined, user: Cursor) {
    this.#device = device;
    this.#user = user;
  }

  /** The device has acknowledged up to `seq`; the user's cursor is the furthest of all devices. */
  moved({ epoch, seq }: CursorPosition): void {
    this.#device?.move(epoch, seq);
    const furthest = this.#user.position;
    if (furthest?.epoch !== epoch || furthest.seq < seq) this.#user.move(epoch, seq);
  }
}
