/**
 * Keeps a store open: when the disk fails, nobody knows what of the last commit reached it, so the store is given up and
 * opened anew, which finds out, as soon as the disk takes writes again. Meanwhile nothing is written, and reads go on.
 */
import { probeDisk } from "./disk-probe.ts";
import { Store, type StoreOptions } from "./store.ts";

export interface KeptStoreOptions extends StoreOptions {
  /** Told of faults of the disk, and of their end (`undefined`). */
  readonly onFault?: (fault: Error | undefined) => void;
}

export const reopenDelayMs = 1000;

export class KeptStore {
  readonly #options: KeptStoreOptions;
  #store: Store;
  #fault: Error | undefined;
  #reopening: Promise<void> | undefined;
  #closed = false;

  private constructor(options: KeptStoreOptions, store: Store) {
    this.#options = options;
    this.#store = store;
  }

  /** Rejects with `StoreRefused`. */
  static async open(options: KeptStoreOptions): Promise<KeptStore> {
    return new KeptStore(options, await Store.open(options));
  }

  /** The store as it is open now; with a `fault` it can at best be read. */
  get current(): Store {
    return this.#store;
  }

  get fault(): Error | undefined {
    return this.#fault;
  }

  /** The disk failed: gives the store up. */
  failed(fault: Error): void {
    const known = this.#fault !== undefined;
    this.#fault = fault;
    if (known) return;
    this.#options.onFault?.(fault);
    this.#reopenSoon();
  }

  #reopenSoon(): void {
    setTimeout(() => {
      if (!this.#closed) this.#reopening = this.#reopen();
    }, reopenDelayMs).unref();
  }

  async #reopen(): Promise<void> {
    try {
      // Until then what is open can still be read.
      await probeDisk(this.#options.directory, this.#store.journal.lastBytes);
      await this.#store.close();
      this.#store = await Store.open(this.#options);
      this.#fault = undefined;
      this.#options.onFault?.(undefined);
    } catch {
      this.#reopenSoon();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#reopening;
    await this.#store.close();
  }
}
