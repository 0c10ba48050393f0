/**
 * Keeps a session whose token has an end: gets a new token in time and renews, so that the connection need not be made
 * again. What fails is told and tried again for as long as there is time; after that the server closes, and the next
 * connection gets a token of its own.
 */
import type { CancelTimer, Environment } from "./environment.ts";
import { asParleyError, ParleyError } from "./errors.ts";

export interface RenewalOptions {
  readonly environment: Environment;
  /** Gets a token; undefined: there is none. */
  readonly token: () => Promise<string | undefined>;
  /** Asks the server; resolves with how long the session lasts now, in ms, undefined: it has no end. */
  readonly renew: (token: string) => Promise<number | undefined>;
  readonly failed: (error: ParleyError, retryInMs: number) => void;
}

/** Of the time that is left, so that something of it is left for a second attempt. */
const part = 0.75;
/** Trying more often than this helps nobody. */
const minDelayMs = 1_000;

export class Renewal {
  readonly #options: RenewalOptions;
  #cancel: CancelTimer = () => {};
  /** Counts sessions: an answer that is about a former one changes nothing. */
  #session = 0;

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  /** A session has begun that lasts so long, in ms; undefined: it has no end. */
  begin(expiresInMs: number | undefined): void {
    this.stop();
    this.#schedule(expiresInMs);
  }

  /** The session is over. */
  stop(): void {
    this.#cancel();
    this.#session += 1;
  }

  #schedule(leftMs: number | undefined): void {
    if (leftMs === undefined) return;
    const delayMs = Math.max(leftMs * part, minDelayMs);
    this.#cancel = this.#options.environment.after(delayMs, () => void this.#renew(leftMs - delayMs));
  }

  async #renew(leftMs: number): Promise<void> {
    const session = this.#session;
    try {
      const token = await this.#options.token();
      if (session !== this.#session) return;
      if (token === undefined) throw new ParleyError("unauthorized", "there is no new token");
      const expiresInMs = await this.#options.renew(token);
      if (session === this.#session) this.#schedule(expiresInMs);
    } catch (error) {
      if (session !== this.#session) return;
      this.#schedule(leftMs);
      this.#options.failed(asParleyError(error, "disconnected"), Math.max(leftMs * part, minDelayMs));
    }
  }
}
