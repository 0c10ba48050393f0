/**
 * Message ids: UUIDv7 (RFC 9562, section 5.7), strictly increasing within the process by a counter in `rand_a` and the
 * head of `rand_b` (section 6.2, method 1). Hot path: one call a message.
 */
import type { Clock } from "./clock.ts";

/** The counter has 12 + 16 bits and starts low each millisecond, so that it cannot run over within one. */
const counterStartMask = 0xffff;

/** Numbers in hexadecimal, of three digits. */
const hex3: readonly string[] = Array.from({ length: 0x1000 }, (_, number) => number.toString(16).padStart(3, "0"));

/** Returns a new id. `time`: ms since the epoch, of a clock that was just looked at. */
export type NewId = (time?: number) => string;

/** Makes a function that returns a new id each time. */
export function createIds(clock: Clock): NewId {
  let ms = -1;
  let counter = 0;
  /** What all ids of this millisecond begin and end with. */
  let prefix = "";
  let tail = "";
  /** What stands before the digit that counts the last sixteen, and by that digit what stands from there on: joining is what an id costs. */
  let stem = "";
  let ends: string[] = [];
  return (time = clock.now()) => {
    const now = Math.max(time, ms);
    if (now !== ms) {
      const random = Buffer.from(clock.random(8));
      ms = now;
      counter = random.readUInt16BE(0) & counterStartMask;
      const hex = now.toString(16).padStart(12, "0");
      prefix = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
      tail = random.toString("hex", 2, 8).slice(0, 11);
      stem = "";
      ends = [];
    }
    counter += 1;
    const sixteenth = counter & 0xf;
    // Variant bits `10` stand in the first digit of the fourth group.
    if (stem === "" || sixteenth === 0) stem = `${prefix}${hex3[counter >>> 16]}-8${hex3[(counter >>> 4) & 0xfff]}`;
    ends[sixteenth] ??= `-${sixteenth.toString(16)}${tail}`;
    return stem + ends[sixteenth];
  };
}
