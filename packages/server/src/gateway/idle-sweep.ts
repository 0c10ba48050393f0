/**
 * Ends connections that were silent for too long, with one timer for all of them: a connection that is heard costs
 * nothing. A peer is given between the limit and one sweep more. One that sends a byte now and then of a frame that never
 * ends holds memory and is not silent: for that it is given ten times as long (slow loris).
 */

const stallFactor = 10;

export interface Sweepable {
  /** Set to 0 by the connection whenever the peer is heard. */
  silentSweeps: number;
  /** Set to 0 by the connection whenever a frame of the peer is complete, or has come a good deal further. */
  stalledSweeps: number;
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
      const limit = this.#sweepsPerLimit;
      if (connection.silentSweeps >= limit || connection.stalledSweeps >= limit * stallFactor) {
        connection.idle();
        continue;
      }
      connection.silentSweeps += 1;
      connection.stalledSweeps += 1;
      onSweep(connection);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
