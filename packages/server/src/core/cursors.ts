/**
 * How far devices and users have acknowledged, per log. A device's cursor decides where its next session starts; the
 * user's own cursor (device "") is the furthest of all devices, and where a new device starts. Written lazily: losing
 * the latest ones costs a redelivery.
 */
import type { DeviceKey, LogName, UserKey } from "@parley/protocol";
import type { CursorWrite, Engine, RecordKinds } from "../engine/engine.ts";

export interface CursorPosition {
  readonly epoch: string;
  readonly seq: number;
}

/** One cursor, as it is written. One object for each, whose value moves, because that is often. */
class Cursor implements CursorWrite {
  readonly kind = "cursor";
  readonly key: string;
  readonly value: CursorPlace;
  waiting = false;
  /** Whether it was forgotten: it is none any more. */
  gone = false;

  constructor(key: string, value: RecordKinds["cursor"]) {
    this.key = key;
    this.value = { ...value };
  }
}

type CursorPlace = Omit<RecordKinds["cursor"], "epoch" | "seq"> & { epoch: string; seq: number };

function cursorKey(user: UserKey, device: DeviceKey | "", log: LogName): string {
  return `${user} ${device} ${log}`;
}

export class Cursors {
  readonly #engine: Engine;
  /** Cursors of users that have, or had, a session in this process. */
  readonly #users = new Map<UserKey, Map<string, Cursor>>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async #load(user: UserKey): Promise<Map<string, Cursor>> {
    const known = this.#users.get(user);
    if (known) return known;
    const stored = await this.#engine.scan("cursor", `${user} `);
    const loaded = new Map(stored.map(([key, value]): [string, Cursor] => [key, new Cursor(key, value)]));
    const raced = this.#users.get(user);
    if (raced) return raced;
    this.#users.set(user, loaded);
    return loaded;
  }

  /** Where the device stands in the log, or else a new device of its user starts; undefined if nothing was acknowledged. */
  async start(user: UserKey, device: DeviceKey, log: LogName): Promise<CursorPosition | undefined> {
    const cursors = await this.#load(user);
    const cursor = cursors.get(cursorKey(user, device, log)) ?? cursors.get(cursorKey(user, "", log));
    return cursor && positionOf(cursor);
  }

  /** The furthest that any device of the user has acknowledged in the log; seq 0 if nothing in that epoch. */
  async ofUser(user: UserKey, log: LogName, epoch: string): Promise<number> {
    if (this.#users.has(user)) return this.known(user, log, epoch);
    // Asked about everybody, in the background: that must not bring everybody's cursors into memory.
    const key = cursorKey(user, "", log);
    const [found] = (await this.#engine.scan("cursor", key)).filter(([other]) => other === key);
    return found ? reached(found[1], epoch) : 0;
  }

  /** The same of a user who has a session, at once. */
  known(user: UserKey, log: LogName, epoch: string): number {
    const cursor = this.#users.get(user)?.get(cursorKey(user, "", log));
    return cursor ? reached(cursor.value, epoch) : 0;
  }

  /**
   * How far a device is in a log, to be moved with every acknowledgement: made once, because that is often. A device of
   * one connection only (`lasting: false`) moves its user's cursor alone. The user's cursors are loaded.
   */
  of(user: UserKey, device: DeviceKey, lasting: boolean, log: LogName): DeviceCursor {
    const cursors = this.#users.get(user);
    if (!cursors) throw new Error(`cursors of ${user} moved before they were loaded`);
    return new DeviceCursor(this.#engine, cursors, { user, device: lasting ? device : "", log });
  }

  /** Moves all the user's cursors in a log that stand before `to` there. A user without any gets the user's own. */
  async passOver(user: UserKey, log: LogName, to: CursorPosition): Promise<void> {
    const cursors = await this.#load(user);
    const own = cursorKey(user, "", log);
    for (const key of new Set([own, ...(await this.keysOf(user, log))])) {
      const at = cursors.get(key);
      if (at && at.value.epoch === to.epoch && at.value.seq >= to.seq) continue;
      const device = key.split(" ")[1] as DeviceKey | "";
      move(this.#engine, cursors, at, { user, device, log }, to);
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
      const cursor = cursors.get(key);
      if (cursor) cursor.gone = true;
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

function positionOf({ value: { epoch, seq } }: Cursor): CursorPosition {
  return { epoch, seq };
}

function reached(position: CursorPosition, epoch: string): number {
  return position.epoch === epoch ? position.seq : 0;
}

/** Moves a cursor, which is made if it is not there yet; where it is already, nothing is written. */
function move(
  engine: Engine,
  cursors: Map<string, Cursor>,
  known: Cursor | undefined,
  { user, device, log }: Owner,
  { epoch, seq }: CursorPosition,
): Cursor {
  if (known === undefined) {
    const made = new Cursor(cursorKey(user, device, log), { user, device, log, epoch, seq });
    cursors.set(made.key, made);
    engine.commitCursor(made);
    return made;
  }
  const place = known.value;
  if (place.seq === seq && place.epoch === epoch) return known;
  place.epoch = epoch;
  place.seq = seq;
  if (!known.waiting) engine.commitCursor(known);
  return known;
}

/** A device in a log, and with it its user; device "": the user's cursor alone. Hot path. */
export class DeviceCursor {
  readonly #engine: Engine;
  readonly #cursors: Map<string, Cursor>;
  readonly #owner: Owner;
  /** Those in `#cursors`, so that they need not be looked up; undefined: not looked up, or nothing was acknowledged yet. */
  #device: Cursor | undefined;
  #user: Cursor | undefined;

  constructor(engine: Engine, cursors: Map<string, Cursor>, owner: Owner) {
    this.#engine = engine;
    this.#cursors = cursors;
    this.#owner = owner;
  }

  /** The device has acknowledged up to `seq`; the user's cursor is the furthest of all devices. */
  moved(to: CursorPosition): void {
    const owner = this.#owner;
    if (owner.device !== "")
      this.#device = move(this.#engine, this.#cursors, this.#known(this.#device, owner), owner, to);
    const users = owner.device === "" ? owner : { ...owner, device: "" as const };
    this.#user = this.#known(this.#user, users);
    const furthest = this.#user?.value;
    if (furthest?.epoch !== to.epoch || furthest.seq < to.seq)
      this.#user = move(this.#engine, this.#cursors, this.#user, users, to);
  }

  #known(cursor: Cursor | undefined, { user, device, log }: Owner): Cursor | undefined {
    if (cursor !== undefined && !cursor.gone) return cursor;
    return this.#cursors.get(cursorKey(user, device, log));
  }
}
