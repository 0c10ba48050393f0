/**
 * The gateway's side as the core sees it: one live connection. The core never waits for a socket: it hands over an
 * event and is told whether there is room for more. Implemented by gateways over `gateway/outbox.ts`.
 */
import type { ErrorCode, ServerMessages } from "@parley/protocol";
import type { Entry } from "../engine/entry.ts";
import type { Run } from "./run.ts";

type Told = ServerMessages;

/** Everything the core tells a connection, by `op`. `welcome` is what a login returns. */
export type CoreEvent =
  | Entry
  | Told["welcome"]
  | Told["ok"]
  | Told["error"]
  | Told["live"]
  | Told["gap"]
  | Told["reset"]
  | Told["receipt"]
  | Told["presence"]
  | Told["rooms"]
  | HistoryPage;

/** A page of history: entries still as stored, so that a gateway may splice them. */
export interface HistoryPage {
  readonly op: "page";
  readonly ref?: string;
  readonly log: string;
  readonly epoch: string;
  readonly entries: readonly Entry[];
  readonly next?: number;
}

export interface Connection {
  /** For logs and listings: which gateway, and the peer's address. */
  readonly info: { readonly gateway: string; readonly address: string };

  /** Of `ok`s for sends, only those about recipients who are not connected are of use. */
  readonly hearsOnlyStored?: boolean;

  /** Bytes that wait to be taken by the peer, where the gateway knows. */
  readonly waitingBytes?: number;

  /**
   * Takes an event; `shared` ones go to several connections, so that encoding them once pays. `full`: the limit of buffered bytes is reached; a `message` or `presence` was then not taken, every
   * other event was. The gateway calls `session.drained()` when there is room again.
   */
  deliver(event: CoreEvent, shared: boolean): "queued" | "full";

  /**
   * Takes all entries of a run, where it has room for them and none needs a look of its own; false: nothing was taken, each
   * is delivered by itself. Left out by gateways to whom that would be the same.
   */
  deliverAll?(run: Run, shared: boolean): boolean;

  /** Stops or goes on reading from the peer: it has asked for more than was answered yet. */
  pause(): void;
  resume(): void;

  /** Says goodbye with `code`, writes what is buffered, closes. */
  close(code: ErrorCode, message: string): void;
}
