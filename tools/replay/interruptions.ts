/**
 * Decides whose connection is cut, and for how long, counted in lines of the file: at any time about `share` of those
 * who are there is cut off. Some of the applications are restarted before they return.
 */
import type { Participant } from "./participant.ts";
import type { Random } from "./random.ts";

const meanLines = 40;
const restartShare = 0.25;

export class Interruptions {
  readonly #share: number;
  readonly #random: Random;
  readonly #cut = new Map<Participant, { readonly until: number; readonly restart: boolean }>();
  #step = 0;
  #due = 0;
  count = 0;

  constructor(share: number, random: Random) {
    this.#share = share;
    this.#random = random;
  }

  /** One line further: some return, some are cut off. */
  step(present: readonly Participant[]): void {
    this.#step += 1;
    for (const [participant, { until }] of this.#cut) if (until <= this.#step) this.mend(participant);
    this.#due += (this.#share * present.length) / meanLines;
    while (this.#due >= this.#random.next()) {
      this.#due -= 1;
      this.#cutOne(present);
    }
  }

  /** Ends the cut of one, if it is cut off. */
  mend(participant: Participant): void {
    const cut = this.#cut.get(participant);
    this.#cut.delete(participant);
    if (cut) participant.mend(cut.restart);
  }

  /** Brings those back who have something to do that others wait for. */
  mendBusy(): void {
    for (const participant of this.#cut.keys()) if (participant.isBusy) this.mend(participant);
  }

  mendAll(): void {
    for (const participant of this.#cut.keys()) this.mend(participant);
  }

  #cutOne(present: readonly Participant[]): void {
    const participant = present[this.#random.below(present.length)];
    const until = this.#step + 1 + this.#random.below(2 * meanLines);
    const restart = this.#random.next() < restartShare;
    if (!participant || this.#cut.has(participant)) return;
    this.#cut.set(participant, { until, restart });
    this.count += 1;
    participant.cut();
  }
}
