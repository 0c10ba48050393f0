/**
 * What a comparison found: counts, and a few examples of each fault in words. Findings of several files add up.
 */

/** What must not happen. `refused`, `unanswered`, `undrained`, `resets`: no loss as such, but the replay is not complete. */
export const faults = [
  "lost",
  "duplicated",
  "reordered",
  "misdelivered",
  "invented",
  "refused",
  "unanswered",
  "undrained",
  "resets",
] as const;
export type Fault = (typeof faults)[number];

export const tallies = ["sent", "room", "direct", "asBytes", "acknowledged", "repeatedSends", "delivered"] as const;
export type Tally = (typeof tallies)[number];

const maxExamples = 5;

export class Findings {
  readonly counts: Record<Fault | Tally, number>;
  readonly examples = new Map<Fault, string[]>();

  constructor() {
    const zeros = [...faults, ...tallies].map((what) => [what, 0]);
    this.counts = Object.fromEntries(zeros) as Record<Fault | Tally, number>;
  }

  count(what: Tally, by = 1): void {
    this.counts[what] += by;
  }

  /** Notes a fault; `example` is asked for the first few only. */
  fault(what: Fault, example: () => string): void {
    this.counts[what] += 1;
    const examples = this.examples.get(what) ?? [];
    if (examples.length < maxExamples) this.examples.set(what, [...examples, example()]);
  }

  add(other: Findings): void {
    for (const what of [...faults, ...tallies]) this.counts[what] += other.counts[what];
    for (const [what, examples] of other.examples) {
      this.examples.set(what, [...(this.examples.get(what) ?? []), ...examples].slice(0, maxExamples));
    }
  }

  get isClean(): boolean {
    return faults.every((what) => this.counts[what] === 0);
  }
}
