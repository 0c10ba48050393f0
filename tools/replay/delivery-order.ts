/**
 * Whether each user gets each log in seq order, and from each sender in the order in which the sender said it. Hot path.
 */
import type { LogPosition } from "./sent-message.ts";

interface Reading {
  epoch: string;
  lastSeq: number;
  /** The last line of each sender. */
  readonly lastLines: Map<string, number>;
}

export class DeliveryOrder {
  readonly #readings = new Map<string, Map<string, Reading>>();

  /** Notes a delivery; false when it should have come before one that was noted. */
  follows(user: string, { log, epoch, seq }: LogPosition, sender: string, line: number): boolean {
    const reading = this.#reading(user, log, epoch);
    const lastLine = reading.lastLines.get(sender) ?? 0;
    const inOrder = seq > reading.lastSeq && line > lastLine;
    if (seq > reading.lastSeq) reading.lastSeq = seq;
    if (line > lastLine) reading.lastLines.set(sender, line);
    return inOrder;
  }

  #reading(user: string, log: string, epoch: string): Reading {
    const logs = this.#readings.get(user) ?? new Map<string, Reading>();
    this.#readings.set(user, logs);
    const reading = logs.get(log) ?? { epoch, lastSeq: 0, lastLines: new Map() };
    logs.set(log, reading);
    if (reading.epoch !== epoch) {
      reading.epoch = epoch;
      reading.lastSeq = 0;
    }
    return reading;
  }
}
