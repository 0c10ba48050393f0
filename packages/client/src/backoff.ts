/**
 * Exponential back-off with full jitter: the n-th delay is uniform between 0 and min(cap, base · 2ⁿ), so that thousands
 * of clients cut off together do not return together. Used for connections, refused sends, failing handlers and saves.
 */
import type { Environment } from "./environment.ts";

export interface BackoffLimits {
  /** Upper bound of the first delay, in milliseconds. */
  readonly baseMs: number;
  /** Upper bound of every delay, in milliseconds. */
  readonly capMs: number;
}

export class Backoff {
  readonly #limits: BackoffLimits;
  readonly #environment: Environment;
  #failures = 0;

  constructor(limits: BackoffLimits, environment: Environment) {
    this.#limits = limits;
    this.#environment = environment;
  }

  /** How many delays were given since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** The next delay in milliseconds; never less than `atLeastMs`, which a server may have asked for. */
  next(atLeastMs = 0): number {
    const bound = Math.min(this.#limits.capMs, this.#limits.baseMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    return atLeastMs + this.#environment.random() * bound;
  }

  /** After a success: the next delay is a first one again. */
  reset(): void {
    this.#failures = 0;
  }
}
