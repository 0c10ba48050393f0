/** Time and randomness as the core sees them: injected, so that tests decide them. */
import { randomBytes } from "node:crypto";

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** `count` random bytes. */
  random(count: number): Uint8Array;
}

export const systemClock: Clock = { now: Date.now, random: (count) => randomBytes(count) };

/** A random word for epochs, session and device names: 8 characters of base 36. */
export function randomWord(clock: Clock): string {
  return [...clock.random(8)].map((byte) => (byte % 36).toString(36)).join("");
}
