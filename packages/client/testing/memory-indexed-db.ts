/**
 * As much of IndexedDB as `indexed-db-persistence.ts` uses, in memory, so that its logic can run without a browser:
 * auto-incremented keys, one index, transactions that complete after their last request. Values are cloned as in a browser.
 */

interface Request {
  result?: unknown;
  onsuccess?: () => void;
  onupgradeneeded?: () => void;
}

class Store {
  readonly rows = new Map<IDBValidKey, unknown>();
  #nextKey = 1;
  readonly #autoIncrement: boolean;

  constructor(autoIncrement: boolean) {
    this.#autoIncrement = autoIncrement;
  }

  createIndex(): void {}

  put(value: unknown, key?: IDBValidKey): void {
    if (this.#autoIncrement !== (key === undefined)) throw new DOMException("key does not fit the store", "DataError");
    this.rows.set(key ?? this.#nextKey++, structuredClone(value));
  }

  delete(key: IDBValidKey): void {
    this.rows.delete(key);
  }

  getAll(): Request {
    return succeed([...this.rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => structuredClone(value)));
  }

  index(path: string) {
    const matches = (value: unknown, wanted: unknown) => (value as Record<string, unknown>)[path] === wanted;
    return {
      getAllKeys: (wanted: unknown) =>
        succeed([...this.rows].filter(([, value]) => matches(value, wanted)).map(([key]) => key)),
    };
  }
}

/** A factory whose databases live as long as it does. */
export function memoryIndexedDb(): IDBFactory {
  const databases = new Map<string, Map<string, Store>>();
  const open = (name: string): Request => {
    const isNew = !databases.has(name);
    const stores = databases.get(name) ?? new Map<string, Store>();
    databases.set(name, stores);
    const request = succeed(database(stores));
    if (isNew) queueMicrotask(() => request.onupgradeneeded?.());
    return request;
  };
  return { open } as unknown as IDBFactory;
}

function database(stores: Map<string, Store>) {
  return {
    createObjectStore(name: string, options: { autoIncrement?: boolean } = {}) {
      const store = new Store(options.autoIncrement ?? false);
      stores.set(name, store);
      return store;
    },
    transaction() {
      const transaction: { oncomplete?: () => void; objectStore(name: string): Store | undefined } = {
        objectStore: (name) => stores.get(name),
      };
      setImmediate(() => transaction.oncomplete?.());
      return transaction;
    },
    close() {},
  };
}

function succeed(result: unknown): Request {
  const request: Request = { result };
  setImmediate(() => request.onsuccess?.());
  return request;
}
