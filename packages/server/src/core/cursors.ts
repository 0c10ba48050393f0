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

/** One cursor, as it is written. One object for each, which moves, because that is often. */
class Cursor implements CursorWrite {
  readonly key: string;
  readonly #user: UserKey;
  readonly #device: DeviceKey | "";
  readonly #log: LogName;
  epoch: string;
  seq: number;
  waiting = false;
  /** Whether it was forgotten: it is none any more. */
  gone = false;

  constructor(key: string, { user, device, log, epoch, seq }: RecordKinds["cursor"]) {
    this.key = key;
    this.#user = user;
    this.#device = device;
    this.#log = log;
    this.epoch = epoch;
    this.seq = seq;
  }

  get kind(): "cursor" {
    return "cursor";
  }

  get value(): RecordKinds["cursor"] {
    return { user: this.#user, device: this.#device, log: this.#log, epoch: this.epoch, seq: this.seq };
  }
}

/** Of all users who have none: nothing is ever added to it. */
const noCursors = new Map<string, Cursor>();

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
    const all = stored.map(([key, value]): [string, Cursor] => [key, new Cursor(key, value)]);
    const loaded = all.length === 0 ? noCursors : new Map(all);
    const raced = this.#users.get(user);
    if (raced) return raced;
    this.#users.set(user, loaded);
    return loaded;
  }

  /** The user is new and so has none: they need not be looked for on the disk when it connects. */
  hasNone(user: UserKey): void {
    if (!this.#users.has(user)) this.#users.set(user, noCursors);
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
    return cursor ? reached(cursor, epoch) : 0;
  }

  /**
   * How far a device is in a log, to be moved with every acknowledgement: made once, because that is often. A device of
   * one connection only (`lasting: false`) moves its user's cursor alone. The user's cursors are loaded.
   */
  of(user: UserKey, device: DeviceKey, lasting: boolean, log: LogName): DeviceCursor {
    if (!this.#users.has(user)) throw new Error(`cursors of ${user} moved before they were loaded`);
    return new DeviceCursor(this, { user, log }, lasting ? device : "");
  }

  /** Moves a cursor to where it is not yet; `known` is the one that it was when it was moved last. Returns it, for the next time. */
  move(known: Cursor | undefined, reading: Reading, device: DeviceKey | "", { epoch, seq }: CursorPosition): Cursor {
    const cursor = this.#find(known, reading, device);
    if (cursor === undefined) return this.#make(reading, device, { epoch, seq });
    if (cursor.seq === seq && cursor.epoch === epoch) return cursor;
    cursor.epoch = epoch;
    cursor.seq = seq;
    if (!cursor.waiting) this.#engine.commitCursor(cursor);
    return cursor;
  }

  /** The same, but never back within an epoch. */
  advance(known: Cursor | undefined, reading: Reading, device: DeviceKey | "", to: CursorPosition): Cursor {
    const cursor = this.#find(known, reading, device);
    if (cursor && cursor.epoch === to.epoch && cursor.seq >= to.seq) return cursor;
    return this.move(cursor, reading, device, to);
  }

  #find(known: Cursor | undefined, { user, log }: Reading, device: DeviceKey | ""): Cursor | undefined {
    if (known !== undefined && !known.gone) return known;
    return this.#users.get(user)?.get(cursorKey(user, device, log));
  }

  #make({ user, log }: Reading, device: DeviceKey | "", { epoch, seq }: CursorPosition): Cursor {
    const made = new Cursor(cursorKey(user, device, log), { user, device, log, epoch, seq });
    const cursors = this.#users.get(user);
    if (cursors === undefined || cursors === noCursors) this.#users.set(user, new Map([[made.key, made]]));
    else cursors.set(made.key, made);
    this.#engine.commitCursor(made);
    return made;
  }

  /** Moves all the user's cursors in a log that stand before `to` there. A user without any gets the user's own. */
  async passOver(user: UserKey, log: LogName, to: CursorPosition): Promise<void> {
    const cursors = await this.#load(user);
    const own = cursorKey(user, "", log);
    for (const key of new Set([own, ...(await this.keysOf(user, log))])) {
      const device = key.split(" ")[1] as DeviceKey | "";
      this.advance(cursors.get(key), { user, log }, device, to);
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

/** Who reads, and which log. */
interface Reading {
  readonly user: UserKey;
  readonly log: LogName;
}

function positionOf({ epoch, seq }: Cursor): CursorPosition {
  return { epoch, seq };
}

function reached(position: CursorPosition, epoch: string): number {
  return position.epoch === epoch ? position.seq : 0;
}

/** A device in a log, and with it its user; device "": the user's cursor alone. Hot path. */
export class DeviceCursor implements Reading {
  readonly user: UserKey;
  readonly log: LogName;
  readonly #device: DeviceKey | "";
  readonly #cursors: Cursors;
  /** Those of `#cursors`, so that they need not be looked up; undefined: not looked up, or nothing was acknowledged yet. */
  #own: Cursor | undefined;
  #users: Cursor | undefined;

  constructor(cursors: Cursors, { user, log }: Reading, device: DeviceKey | "") {
    this.#cursors = cursors;
    this.#device = device;
    this.user = user;
    this.log = log;
  }

  /** The device has acknowledged up to `seq`; the user's cursor is the furthest of all devices. */
  moved(to: CursorPosition): void {
    if (this.#device !== "") this.#own = this.#cursors.move(this.#own, this, this.#device, to);
    this.#users = this.#cursors.advance(this.#users, this, "", to);
  }
}
