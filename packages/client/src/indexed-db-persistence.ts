/**
 * Keeps positions and outbox in IndexedDB: for browsers, with room for large outboxes, each save one transaction. Tabs
 * that share a `name` are one device and replace each other; give every tab its own, or run the client in a shared worker.
 */
import { ParleyError } from "./errors.ts";
import { type Change, type Persistence, StateFold, type StoredSend, type StoredState } from "./persistence.ts";

/** Identity and positions, as changes, by what they are about. */
const stateStore = "state";
/** Sends by a number that counts up, so that reading gives them in order. */
const outboxStore = "outbox";
const clientIdIndex = "clientId";
const schemaVersion = 1;

/** Keeps a client's state in the IndexedDB database `parley/name`. */
export function indexedDbPersistence(name: string, factory: IDBFactory = globalThis.indexedDB): Persistence {
  return new IndexedDbPersistence(`parley/${name}`, factory);
}

class IndexedDbPersistence implements Persistence {
  readonly #name: string;
  readonly #factory: IDBFactory;
  #database: IDBDatabase | undefined;

  constructor(name: string, factory: IDBFactory) {
    this.#name = name;
    this.#factory = factory;
  }

  async load(): Promise<StoredState> {
    const opening = this.#factory.open(this.#name, schemaVersion);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore(stateStore);
      opening.result.createObjectStore(outboxStore, { autoIncrement: true }).createIndex(clientIdIndex, "clientId");
    };
    this.#database = await result(opening);
    const transaction = this.#database.transaction([stateStore, outboxStore], "readonly");
    const [state, outbox] = await Promise.all([
      result<Change[]>(transaction.objectStore(stateStore).getAll()),
      result<StoredSend[]>(transaction.objectStore(outboxStore).getAll()),
    ]);
    const fold = new StateFold();
    for (const change of state) fold.apply(change);
    for (const send of outbox) fold.apply({ type: "queued", send });
    return fold.state;
  }

  async save(changes: readonly Change[]): Promise<void> {
    if (!this.#database) throw new ParleyError("persistence_failed", `${this.#name} is not open`);
    const options = { durability: "strict" } as const;
    const transaction = this.#database.transaction([stateStore, outboxStore], "readwrite", options);
    const completed = completion(transaction);
    const state = transaction.objectStore(stateStore);
    const outbox = transaction.objectStore(outboxStore);
    for (const change of changes) apply(change, state, outbox);
    await completed;
  }

  async close(): Promise<void> {
    this.#database?.close();
    this.#database = undefined;
  }
}

function apply(change: Change, state: IDBObjectStore, outbox: IDBObjectStore): void {
  switch (change.type) {
    case "identity":
      state.put(change, "identity");
      return;
    case "position":
      state.put(change, `log/${change.position.log}`);
      return;
    case "forget":
      state.delete(`log/${change.log}`);
      return;
    case "queued":
      outbox.put(change.send);
      return;
    case "settled": {
      const keys = outbox.index(clientIdIndex).getAllKeys(change.clientId);
      keys.onsuccess = () => {
        for (const key of keys.result) outbox.delete(key);
      };
      return;
    }
  }
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function completion(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
    transaction.onerror = () => reject(transaction.error);
  });
}
