/**
 * What one connection may still send: its own rate, that of its user and that of its address, asked with every frame.
 * What can be refused is refused, and costs nothing then; what cannot (an acknowledgement, a protocol without words for
 * it) is owed, and the gateway does not read from the peer until the debt is paid. Hot path (`npm run bench`).
 */
import type { Account, AddressAccount, Meter } from "./accounts.ts";
import { Bucket, Flow } from "./bucket.ts";

/**
 * A peer that was refused is refused until it has been silent for so long at least: what it had sent before it heard of
 * that must not overtake what was refused.
 */
const silenceMs = 1000;
/** Refusals that a peer may be given per second before it is not read from: no honest one sends on so long. */
const refusalsPerSecond = 2000;
/** Frames per second that are not of the protocol before the connection is closed. */
const faultsPerSecond = 100;
/** A refused frame counts as another refusal for each so many bytes. */
const refusalBytes = 4096;
/** Nobody is left unread for longer at once. */
const longestPauseMs = 5000;

export class Allowance {
  readonly #now: () => number;
  readonly #own: Meter;
  /** Most connections never need these two. */
  #refusals: Bucket | undefined;
  #faults: Bucket | undefined;
  #address: AddressAccount | undefined;
  #user: Account | undefined;
  #stranger = true;
  #ended = false;
  #refusedBytes = 0;
  #silentUntil = 0;

  /** `address`: undefined where addresses do not count for this one. */
  constructor(own: Meter, address: AddressAccount | undefined, now: () => number) {
    this.#now = now;
    this.#own = own;
    this.#address = address;
    if (!address) return;
    address.holders += 1;
    address.strangers += 1;
  }

  /** A frame of `bytes` bytes came that is not to be refused. Returns for how many ms its sender should not be read from; 0: it is within its rates. */
  charge(bytes: number): number {
    const owed = this.#take(bytes);
    return owed > longestPauseMs ? longestPauseMs : owed;
  }

  /** A request of `bytes` bytes came. Returns in how many ms it may be repeated; 0: it may be carried out. */
  ask(bytes: number): number {
    const owed = this.#take(bytes);
    if (owed === 0 && this.#silentUntil === 0) return 0;
    const now = this.#now();
    if (owed === 0 && now >= this.#silentUntil) {
      this.#silentUntil = 0;
      return 0;
    }
    this.#undo(bytes);
    const wait = Math.max(silenceMs, Math.ceil(owed));
    this.#silentUntil = now + wait;
    return wait;
  }

  /** The last request was refused. Returns for how many ms its sender should not be read from, because it goes on regardless. */
  refused(): number {
    this.#refusals ??= new Bucket(new Flow(refusalsPerSecond, this.#now));
    const pause = Math.min(longestPauseMs, this.#refusals.take(1 + this.#refusedBytes / refusalBytes));
    // What waits meanwhile was sent before the refusal was heard.
    if (pause > 0) this.#silentUntil += pause;
    return pause;
  }

  /** A frame came that is not of the protocol. False: too many, it is time to close. */
  faulty(): boolean {
    this.#faults ??= new Bucket(new Flow(faultsPerSecond, this.#now));
    return this.#faults.take(1) === 0;
  }

  #take(bytes: number): number {
    let owed = this.#own.take(bytes);
    if (this.#user) owed = Math.max(owed, this.#user.meter.take(bytes));
    if (this.#address) owed = Math.max(owed, this.#address.meter.take(bytes));
    return owed;
  }

  #undo(bytes: number): void {
    this.#refusedBytes = bytes;
    this.#own.undo();
    this.#user?.meter.undo();
    this.#address?.meter.undo();
  }

  /** Somebody is logged in on it, whose rates count from now on. */
  isOf(user: Account): void {
    // A login may come to its end after its connection.
    if (this.#ended) return;
    if (this.#stranger && this.#address) this.#address.strangers -= 1;
    this.#stranger = false;
    user.holders += 1;
    if (this.#user) this.#user.holders -= 1;
    this.#user = user;
  }

  /** The connection is gone. */
  end(): void {
    this.#ended = true;
    if (this.#address) {
      this.#address.holders -= 1;
      if (this.#stranger) this.#address.strangers -= 1;
    }
    if (this.#user) this.#user.holders -= 1;
    this.#address = undefined;
    this.#user = undefined;
  }
}
