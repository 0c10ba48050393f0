/**
 * Writes changes to the persistence, one batch at a time: what accumulates during a save goes into the next. A failed
 * save is tried again with the same changes before anything newer, so the stored state never skips one. Without a
 * persistence everything counts as saved at once.
 */
import type { Backoff } from "./backoff.ts";
import type { CancelTimer, Environment } from "./environment.ts";
import type { Change, Persistence, StoredState } from "./persistence.ts";

export interface LedgerOptions {
  readonly persistence: Persistence | undefined;
  readonly environment: Environment;
  readonly backoff: Backoff;
  readonly failed: (error: unknown, retryInMs: number) => void;
}

const nothingStored: StoredState = { positions: [], outbox: [] };

export class Ledger {
  readonly #options: LedgerOptions;
  readonly #persistence: Persistence | undefined;
  /** Changes not yet given to a save, by what they are about, so that a newer one replaces an older. */
  readonly #pending = new Map<string, Change>();
  #afterSave: (() => void)[] = [];
  #batch: Change[] = [];
  #batchAfter: (() => void)[] = [];
  #phase: "unloaded" | "idle" | "scheduled" | "saving" | "waiting" | "closed" = "unloaded";
  #cancelRetry: CancelTimer | undefined;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#persistence = options.persistence;
  }

  /** Whether `afterSave` calls back at once. */
  get immediate(): boolean {
    return this.#persistence === undefined;
  }

  /** Loads the stored state; saving begins after it. Rejects as the persistence does. */
  async load(): Promise<StoredState> {
    const state = this.#persistence ? await this.#persistence.load() : nothingStored;
    this.#phase = "idle";
    this.#schedule();
    return state;
  }

  write(change: Change): void {
    if (!this.#persistence || this.#phase === "closed") return;
    this.#pending.set(subject(change), change);
    this.#schedule();
  }

  /** Runs `run` once everything written so far is saved. */
  afterSave(run: () => void): void {
    if (!this.#persistence) {
      run();
      return;
    }
    this.#afterSave.push(run);
    this.#schedule();
  }

  /** Resolves once everything written so far is saved. */
  saved(): Promise<void> {
    return new Promise((resolve) => this.afterSave(resolve));
  }

  async close(): Promise<void> {
    this.#phase = "closed";
    this.#cancelRetry?.();
    await this.#persistence?.close();
  }

  #schedule(): void {
    if (this.#phase !== "idle" || (this.#pending.size === 0 && this.#afterSave.length === 0)) return;
    this.#phase = "scheduled";
    this.#options.environment.soon(() => this.#save());
  }

  #save(): void {
    if (this.#phase === "closed") return;
    this.#phase = "saving";
    this.#batch.push(...this.#pending.values());
    this.#batchAfter.push(...this.#afterSave);
    this.#pending.clear();
    this.#afterSave = [];
    if (this.#batch.length === 0) {
      this.#done();
      return;
    }
    const save = async () => this.#persistence?.save(this.#batch);
    save().then(
      () => this.#done(),
      (error: unknown) => this.#retry(error),
    );
  }

  #done(): void {
    const after = this.#batchAfter;
    this.#batch = [];
    this.#batchAfter = [];
    if (this.#phase === "saving") this.#phase = "idle";
    this.#options.backoff.reset();
    for (const run of after) run();
    this.#schedule();
  }

  #retry(error: unknown): void {
    if (this.#phase === "closed") return;
    this.#phase = "waiting";
    const retryInMs = this.#options.backoff.next();
    this.#cancelRetry = this.#options.environment.after(retryInMs, () => this.#save());
    this.#options.failed(error, retryInMs);
  }
}

/** What a change is about: of two with the same subject only the newer one matters. */
function subject(change: Change): string {
  switch (change.type) {
    case "identity":
      return "identity";
    case "position":
      return `log ${change.position.log}`;
    case "forget":
      return `log ${change.log}`;
    case "queued":
      return `send ${change.send.clientId}`;
    case "settled":
      return `send ${change.clientId}`;
  }
}
