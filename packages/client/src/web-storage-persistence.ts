/**
 * Keeps positions and outbox in `localStorage` (or any Web Storage): one key per log and per send, so that a save writes
 * little. Web Storage is small (about 5 MB) and synchronous; prefer IndexedDB for large outboxes. Every tab that shares
 * it needs a `name` of its own, or the tabs are one device and replace each other.
 */
import { ParleyError } from "./errors.ts";
import { type Change, type Persistence, StateFold, type StoredSend, type StoredState } from "./persistence.ts";

/** What of Web Storage is used. */
export interface WebStorage {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** Keeps a client's state in `storage` (default: `localStorage`) under keys that begin with `parley/name/`. */
export function webStoragePersistence(name: string, storage: WebStorage = globalThis.localStorage): Persistence {
  return new WebStoragePersistence(`parley/${name}/`, storage);
}

class WebStoragePersistence implements Persistence {
  readonly #prefix: string;
  readonly #storage: WebStorage;
  /** Key of each send in the outbox, by `clientId`; the keys sort in the order of the sends. */
  readonly #sendKeys = new Map<string, string>();
  #nextSend = 1;

  constructor(prefix: string, storage: WebStorage) {
    this.#prefix = prefix;
    this.#storage = storage;
  }

  async load(): Promise<StoredState> {
    const fold = new StateFold();
    for (const key of this.#keys()) {
      const change = JSON.parse(this.#storage.getItem(key) ?? "null") as Change | null;
      if (!change) continue;
      fold.apply(change);
      if (change.type === "queued") this.#remember(change.send, key);
    }
    return fold.state;
  }

  /** Writes are synchronous, so they happen together unless the browser dies in between; the order makes that harmless. */
  async save(changes: readonly Change[]): Promise<void> {
    try {
      for (const change of changes) this.#apply(change);
    } catch (error) {
      throw new ParleyError("persistence_failed", "the browser's storage did not take it", { cause: error });
    }
  }

  async close(): Promise<void> {}

  #apply(change: Change): void {
    switch (change.type) {
      case "identity":
        this.#set("identity", change);
        return;
      case "position":
        this.#set(`log/${change.position.log}`, change);
        return;
      case "forget":
        this.#storage.removeItem(`${this.#prefix}log/${change.log}`);
        return;
      case "queued":
        this.#queue(change);
        return;
      case "settled":
        this.#settle(change.clientId);
        return;
    }
  }

  #queue(change: Change & { type: "queued" }): void {
    const number = String(this.#nextSend).padStart(16, "0");
    const key = this.#sendKeys.get(change.send.clientId) ?? `${this.#prefix}send/${number}`;
    this.#storage.setItem(key, JSON.stringify(change));
    this.#remember(change.send, key);
  }

  #settle(clientId: string): void {
    const key = this.#sendKeys.get(clientId);
    if (key !== undefined) this.#storage.removeItem(key);
    this.#sendKeys.delete(clientId);
  }

  #remember(send: StoredSend, key: string): void {
    this.#sendKeys.set(send.clientId, key);
    this.#nextSend = Math.max(this.#nextSend, Number(key.slice(key.lastIndexOf("/") + 1)) + 1);
  }

  #set(key: string, change: Change): void {
    this.#storage.setItem(this.#prefix + key, JSON.stringify(change));
  }

  #keys(): string[] {
    const keys: string[] = [];
    for (let index = 0; index < this.#storage.length; index++) {
      const key = this.#storage.key(index);
      if (key?.startsWith(this.#prefix)) keys.push(key);
    }
    return keys.sort();
  }
}
