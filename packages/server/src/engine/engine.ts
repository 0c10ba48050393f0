/**
 * The engine port: where logs, cursors and the small records live. Everything is batch-shaped, so that an embedded
 * store, Redis Streams or NATS JetStream can sit behind it. `test/contract/engine-contract.ts` is this page as tests;
 * every engine passes it, `MemoryEngine` is the reference.
 */
import type { DeviceKey, Durability, Fault, LogName, RoomKey, UserKey } from "@parley/protocol";
import type { Entry } from "./entry.ts";

/** A place in a log. `seq` counts within `epoch`; another epoch means the log's storage was lost or replaced. */
export interface LogPosition {
  readonly log: LogName;
  readonly epoch: string;
  readonly seq: number;
}

export interface Appended {
  readonly ok: true;
  /** A repeat of an earlier append with the same dedupe key: `id`, `ts` and `positions` are the first one's. */
  readonly duplicate: boolean;
  /** What was reached: at least what was asked for. */
  readonly durability: Durability;
  readonly id: string;
  readonly ts: number;
  /** The size of the payload as UTF-8; 0 for a duplicate. */
  readonly bytes: number;
  /** One per log of the append, in its order. */
  readonly positions: readonly LogPosition[];
  /** The same as entries, to be delivered; empty for a duplicate. */
  readonly entries: readonly Entry[];
}
export type AppendOutcome = Appended | { readonly ok: false; readonly fault: Fault };

/** One message on its way into one or more logs. The caller's object; the engine calls `settled` on it exactly once. */
export interface Append {
  readonly id: string;
  readonly ts: number;
  readonly logs: readonly LogName[];
  readonly payload: string;
  readonly origin: string;
  readonly expiresAt: number;
  /** `fsync`: `settled` comes after the data is on disk. `memory`: it may come before. */
  readonly durability: Durability;
  /** `owner clientId`, where a repeat must be recognised; `digest` tells a repeat from a reuse with other content. */
  readonly dedupeKey: string | undefined;
  readonly digest: string;
  /**
   * Records that are written with it, atomically, once its places are known; not asked for a repeat. Called while the
   * commit is built: it must be quick and have no effects. Only with `fsync`.
   */
  records?(entries: readonly Entry[]): readonly RecordWrite[];
  /** Given: nothing is stored; settled as the repeat that it is, or else with this. Needs a `dedupeKey`. */
  readonly unlessRepeated?: Fault;
  settled(outcome: AppendOutcome): void;
}

/** A log's state. `first`..`tail` are the seqs it holds (`first` > `tail`: none); `bytes` is the size of their payloads. */
export interface Head {
  readonly epoch: string;
  readonly first: number;
  readonly tail: number;
  readonly bytes: number;
}

export type Direction = "forward" | "backward";

/** The small records, by kind. Keys are unique within a kind and sort by their text. */
export interface RecordKinds {
  user: { readonly name: string; readonly createdAt: number; readonly lastSeen: number; readonly everyoneSeq: number };
  room: { readonly name: string; readonly createdAt: number };
  /** Key `room user`. `seq`: the room log's tail when the user joined. */
  member: { readonly room: RoomKey; readonly user: UserKey; readonly seq: number; readonly epoch: string };
  /** Key `user device log`; device "" is the user's own cursor: the furthest of all devices. */
  cursor: {
    readonly user: UserKey;
    readonly device: DeviceKey | "";
    readonly log: LogName;
    readonly epoch: string;
    readonly seq: number;
  };
  /** Key: what is counted. `last`: the last number given out. */
  counter: { readonly last: number };
  /** Key: what is counted; see `core/statistics.ts`. */
  statistic: { readonly messages: number; readonly bytes: number };
  /** Key: what it is for. `value`: base64url of random bytes. */
  secret: { readonly value: string };
  /** Key: log. How the log's entries up to `upTo` ended, for good; see `core/accounts.ts`. */
  balance: {
    readonly epoch: string;
    readonly since: number;
    readonly upTo: number;
    readonly acknowledged: number;
    readonly dead: number;
    readonly missing: number;
    readonly turnedAway: number;
  };
  /** Key: log. It may hold messages that expire at `until` or before; see `core/expiry.ts`. */
  expiring: { readonly until: number };
  /** Key `log seq letter`, both numbers of 16 digits: a dead letter by the entry it stands for; see `core/dead-letters.ts`. */
  letter: {
    readonly epoch: string;
    readonly reason: string;
    readonly ts: number;
    readonly replayed?: { readonly id: string; readonly ts: number; readonly to: string };
    readonly purged?: true;
  };
  /** Key: what is revoked, as `token id`, `user name` or `device user name`. Voids what was proved up to `before`. */
  revocation: {
    readonly before: number;
    /** From here on no token exists that it is about. */
    readonly until: number;
  };
  /** Key: the user's. `password`: its hash with all that checking it needs, as `auth/passwords.ts` writes it. */
  account: { readonly name: string; readonly password: string; readonly admin: boolean; readonly createdAt: number };
}
export type RecordKind = keyof RecordKinds;
export type RecordWrite = {
  [K in RecordKind]: { readonly kind: K; readonly key: string; readonly value: RecordKinds[K] | undefined };
}[RecordKind];

/**
 * A cursor on its way to the disk. While `waiting`, which the engine sets, its value may be changed in place without telling
 * again: what is written is what it is then.
 */
export type CursorWrite = Extract<RecordWrite, { kind: "cursor" }> & { waiting?: boolean };

/** A part of what a scan finds. */
export interface RecordPage {
  readonly after?: string;
  readonly limit?: number;
}

export interface Engine {
  /**
   * Appends to every log of `append`, atomically, and calls `append.settled` when it is as durable as asked. Appends
   * are taken in call order: that is the order of seqs. Faults: `client_id_reused`, `storage_unavailable`.
   */
  append(append: Append): void;

  /**
   * Up to `limit` entries after (`forward`) or before (`backward`) `from`, nearest first, and no more than about
   * `maxBytes` of payload but at least one if there is one. Seqs that were trimmed or lost are left out: a jump in
   * `seq` is a hole. Sees everything that was settled before the call.
   */
  read(log: LogName, from: number, direction: Direction, limit: number, maxBytes?: number): Promise<Entry[]>;

  /** The log's state now. A log that was never written has an epoch, `first` 1 and `tail` 0. */
  head(log: LogName): Promise<Head>;

  /** Names of up to `limit` logs after `after` in key order: all that hold entries are among them. */
  logs(after: string, limit: number): Promise<LogName[]>;

  /** Drops entries below `first`, in bounded steps. Readers see the hole at once. */
  trim(log: LogName, first: number): Promise<void>;

  /** May forget dedupe keys of appends that are older than `beforeTs` (ms since the epoch), and none that are younger. */
  expireDedupe(beforeTs: number): Promise<void>;

  /**
   * Writes records, atomically and durably when it resolves; `value: undefined` deletes. Cursors that were committed
   * before go with them or went before. Rejects with `StorageUnavailable`.
   */
  write(records: readonly RecordWrite[]): Promise<void>;

  /** Writes a cursor some time soon: it goes with a later commit. Losing it costs a redelivery, never a message. */
  commitCursor(record: CursorWrite): void;

  /**
   * The records of a kind whose key begins with `prefix`, in key order; of those after the key `after`, the first
   * `limit`. Sees lazily written cursors too.
   */
  scan<K extends RecordKind>(
    kind: K,
    prefix: string,
    page?: RecordPage,
  ): Promise<(readonly [key: string, value: RecordKinds[K]])[]>;

  /**
   * Calls `listener` after appends became readable, by whichever node made them, with the position reached: a hint. It
   * may come late, twice or not at all for a single append; a jump means "read the log".
   */
  subscribe(listener: (log: LogName, seq: number) => void): void;

  /**
   * Everything that was settled or written before the call, as bytes of the engine's own that can be kept and made a store of
   * again, while appends go on. Absent where nothing lasts. Iterating rejects with `StorageUnavailable`.
   */
  backup?(): AsyncGenerator<Uint8Array>;

  /** Writes what is pending and lets go of the store. Appends that were not settled get `storage_unavailable`. */
  close(): Promise<void>;
}

/** How a store is, and how much there is in it that waits; read when somebody looks. */
export interface EngineFigures {
  /** Why nothing can be written now; undefined: it can. */
  readonly fault: string | undefined;
  /** Appends that wait for a commit. */
  readonly waitingAppends: number;
  /** Of the records in the journal's files. */
  readonly journalBytes: number;
  /** Whether what the journal holds is being moved to where it stays. */
  readonly checkpointing: boolean;
  /** Logs whose state is in memory. */
  readonly logsInMemory: number;
}

/** An engine of this server, which can be looked at. */
export interface ObservableEngine extends Engine {
  figures(): EngineFigures;
}

/** Is told how long things took, in milliseconds: once a commit, never per message. */
export interface EngineMeter {
  committed(commit: CommitTimes): void;
  /** A checkpoint moved so many bytes of the journal. */
  checkpointed(ms: number, bytes: number): void;
}

export interface CommitTimes {
  /** Messages of the commit. */
  readonly appends: number;
  /** From when its first append came until all were settled: the longest that any of its senders waited for the store. */
  readonly settleMs: number;
  /** From when it was begun until it was as durable as asked. */
  readonly commitMs: number;
  /** Of that, the synced write; undefined where none was asked for. */
  readonly syncMs: number | undefined;
}

/** Thrown (as a rejection) where the store cannot serve; the cause says why. */
export class StorageUnavailable extends Error {
  override readonly name = "StorageUnavailable";
}

/** Payload bytes that one `read` returns at most, unless the caller says otherwise. */
export const defaultReadBytes = 1024 * 1024;
