/**
 * The port to whatever keeps positions and outbox while the process is away. Obligations: `save` takes its changes
 * together or not at all, and resolves when they survive a crash of the process (for a file: of the machine); `load`
 * gives them back, the outbox in the order in which it was queued. The client never calls `save` while one is under way.
 */
import type { ClientMessages, Position } from "@parley/protocol";

/** A send that waits for its answer: the fields of the protocol's `send`, with the `clientId` it keeps for ever. */
export type StoredSend = Omit<ClientMessages["send"], "op" | "ref"> & { readonly clientId: string };

export interface StoredState {
  /** Whom it belongs to, once known. */
  readonly user?: string;
  readonly device?: string;
  readonly positions: readonly Position[];
  readonly outbox: readonly StoredSend[];
}

export type Change =
  | { readonly type: "identity"; readonly user: string; readonly device: string }
  | { readonly type: "position"; readonly position: Position }
  | { readonly type: "forget"; readonly log: string }
  | { readonly type: "queued"; readonly send: StoredSend }
  | { readonly type: "settled"; readonly clientId: string };

export interface Persistence {
  /** Called once, before anything else. Rejects when the state is unreadable or in use. */
  load(): Promise<StoredState>;
  save(changes: readonly Change[]): Promise<void>;
  /** Lets go of whatever `load` took. */
  close(): Promise<void>;
}

/** The state that changes add up to; what the implementations share. */
export class StateFold {
  #user: string | undefined;
  #device: string | undefined;
  readonly #positions = new Map<string, Position>();
  readonly #outbox = new Map<string, StoredSend>();

  apply(change: Change): void {
    switch (change.type) {
      case "identity":
        this.#user = change.user;
        this.#device = change.device;
        return;
      case "position":
        this.#positions.set(change.position.log, change.position);
        return;
      case "forget":
        this.#positions.delete(change.log);
        return;
      case "queued":
        this.#outbox.set(change.send.clientId, change.send);
        return;
      case "settled":
        this.#outbox.delete(change.clientId);
        return;
    }
  }

  get state(): StoredState {
    return {
      ...(this.#user === undefined ? {} : { user: this.#user }),
      ...(this.#device === undefined ? {} : { device: this.#device }),
      positions: [...this.#positions.values()],
      outbox: [...this.#outbox.values()],
    };
  }

  /** The shortest list of changes that leads to this state. */
  get changes(): Change[] {
    const changes: Change[] = [];
    if (this.#user !== undefined && this.#device !== undefined)
      changes.push({ type: "identity", user: this.#user, device: this.#device });
    for (const position of this.#positions.values()) changes.push({ type: "position", position });
    for (const send of this.#outbox.values()) changes.push({ type: "queued", send });
    return changes;
  }
}

/** Keeps the state in this object: for tests, and for a client that follows another in the same process. */
export function memoryPersistence(): Persistence {
  const fold = new StateFold();
  return {
    load: async () => fold.state,
    save: async (changes) => {
      for (const change of changes) fold.apply(change);
    },
    close: async () => {},
  };
}
