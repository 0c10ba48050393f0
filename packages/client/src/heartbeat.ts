/**
 * Finds dead peers: pings in regular intervals and gives the connection up when nothing at all is heard for a while
 * after a ping. The pings also keep the server from closing an idle connection.
 */
import type { CancelTimer, Environment } from "./environment.ts";

export interface HeartbeatOptions {
  readonly environment: Environment;
  /** Time between pings. */
  readonly intervalMs: number;
  /** Silence after a ping that counts as death. */
  readonly timeoutMs: number;
  readonly ping: () => void;
  readonly dead: () => void;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #heard = true;
  #cancel: CancelTimer;

  /** Starts at once. */
  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#cancel = this.#wait();
  }

  /** Something came from the peer. Hot path: called for every frame. */
  heard(): void {
    this.#heard = true;
  }

  stop(): void {
    this.#cancel();
  }

  #wait(): CancelTimer {
    return this.#options.environment.after(this.#options.intervalMs, () => this.#probe());
  }

  #probe(): void {
    this.#heard = false;
    this.#options.ping();
    this.#cancel = this.#options.environment.after(this.#options.timeoutMs, () => {
      if (this.#heard) this.#cancel = this.#wait();
      else this.#options.dead();
    });
  }
}
