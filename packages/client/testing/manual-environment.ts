/**
 * An environment that tests turn by hand: time passes in `advance`, turns of the event loop end in `turn`, random
 * numbers are what the test says. Used by the unit tests beside the sources.
 */
import type { CancelTimer, Environment } from "../src/environment.ts";

interface Timer {
  readonly due: number;
  readonly run: () => void;
}

export class ManualEnvironment implements Environment {
  now = 0;
  /** What `random` answers. */
  nextRandom = 0.5;
  #timers: Timer[] = [];
  #soon: (() => void)[] = [];
  #byte = 0;

  after(ms: number, run: () => void): CancelTimer {
    const timer = { due: this.now + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  soon(run: () => void): void {
    this.#soon.push(run);
  }

  random(): number {
    return this.nextRandom;
  }

  randomBytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.#byte++);
  }

  /** Due times of the timers that run. */
  get timers(): number[] {
    return this.#timers.map(({ due }) => due).sort((a, b) => a - b);
  }

  /** Lets `ms` milliseconds pass and fires what is due, in order. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const next = this.#timers.filter(({ due }) => due <= end).sort((a, b) => a.due - b.due)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.now = Math.max(this.now, next.due);
      next.run();
    }
    this.now = end;
  }

  /** Ends the present turn of the event loop. */
  turn(): void {
    const due = this.#soon;
    this.#soon = [];
    for (const run of due) run();
  }
}
