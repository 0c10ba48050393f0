/**
 * Ends connections that were silent for too long, with one timer for all of them: a connection that is heard costs
 * nothing. A peer is given between the limit and one sweep more.
 */

export interface Sweepable {
  /** Set to 0 by the connection whenever the peer is heard. */
  silentSweeps: number;
  /** The limit is reached. */
  idle(): void;
}

export class IdleSweep<C extends Sweepable> {
  readonly connections = new Set<C>();
  readonly #timer: NodeJS.Timeout;
  readonly #sweepsPerLimit: number;

  /** `onSweep` is called for each live connection, `sweepsPerLimit` times in `idleMs`. */
  constructor(idleMs: number, onSweep: (connection: C) => void = () => {}, sweepsPerLimit = 3) {
    this.#sweepsPerLimit = sweepsPerLimit;
    this.#timer = setInterval(() => this.#sweep(onSweep), idleMs / sweepsPerLimit);
  }

  #sweep(onSweep: (connection: C) => void): void {
    for (const connection of this.connections) {
      if (connection.silentSweeps >= this.#sweepsPerLimit) {
        connection.idle();
        continue;
      }
      connection.silentSweeps += 1;
      onSweep(connection);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
