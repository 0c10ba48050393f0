/**
 * Whether the server can do its work: what `/readyz` answers and a load balancer acts on. Not ready: the store cannot
 * be written, or the server is about to end.
 */
import type { EngineFigures } from "../engine/engine.ts";

export class Health {
  readonly #figures: () => EngineFigures;
  #draining = false;

  constructor(figures: () => EngineFigures) {
    this.#figures = figures;
  }

  /** The server is about to end: it will not be ready again. */
  drain(): void {
    this.#draining = true;
  }

  /** Why it is not ready, in words for operators; empty: it is. The disk's own words are in the log. */
  get obstacles(): readonly string[] {
    const reasons: string[] = [];
    if (this.#draining) reasons.push("the server is going down");
    if (this.#figures().fault !== undefined) reasons.push("the store cannot be written");
    return reasons;
  }
}
