/**
 * Everything the client tells the application, by name. All are facts about this client or about what the server
 * said; `message` is the one that is acknowledged (see `inbox.ts`).
 */
import type { Presence, ServerMessages } from "@parley/protocol";
import type { ParleyError } from "./errors.ts";
import type { Message } from "./message.ts";

/** `connecting` → `online` → `offline` → `connecting` …; `closed` is final. A new client is `offline`. */
export type State = StateChange["state"];

export type StateChange =
  /** An attempt begins; `attempt` counts from 1 since the client was last online. */
  | { readonly state: "connecting"; readonly attempt: number }
  | { readonly state: "online"; readonly welcome: Welcome }
  /** The connection was lost, or an attempt failed; the next attempt is in `retryInMs`. */
  | { readonly state: "offline"; readonly error: ParleyError; readonly retryInMs: number }
  /** Closed by the application, or, with `error`, because trying again would not help. */
  | { readonly state: "closed"; readonly error?: ParleyError };

/** Who the server says we are, and its limits. */
export type Welcome = Omit<ServerMessages["welcome"], "op" | "ref">;

/** Entries `from` to `to` of a log (both included) will not come. */
export interface Gap {
  readonly log: string;
  readonly epoch: string;
  readonly from: number;
  readonly to: number;
  readonly reason: "retention" | "expired" | "lost";
}

/** The position in a log was replaced: delivery goes on after `seq` of `epoch`. */
export interface Reset {
  readonly log: string;
  readonly epoch: string;
  readonly seq: number;
  /** Where this client stood, if it knew the log. */
  readonly previous: { readonly epoch: string; readonly seq: number } | undefined;
  /** What had arrived, was not handled, and belongs to the log's former content. It is not handed out any more. */
  readonly dropped: readonly Message[];
}

/** A device of a recipient has acknowledged a message sent with `receipt: true`, or its user has read it. */
export type Receipt = Omit<ServerMessages["receipt"], "op">;

/** A send was stored: the whole truth about it. */
export interface SendResult {
  readonly clientId: string;
  readonly id: string;
  readonly ts: number;
  /** What the answer stands for: `fsync` is on disk, `memory` may be lost in a crash of the server. */
  readonly durability: "fsync" | "memory";
  /** Each log it was written in, the sender's own copy included. */
  readonly positions: readonly { readonly log: string; readonly epoch: string; readonly seq: number }[];
  /** Per recipient: being sent to a connected session right now, or waiting. */
  readonly recipients: readonly { readonly to: string; readonly state: "online" | "stored" }[];
  /** True when it had been stored before under the same `clientId`: nothing was stored twice. */
  readonly duplicate: boolean;
}

/** Something went wrong that no returned promise tells. */
export type Problem =
  /** The message handler failed. The message is handed again after `retryInMs`; `message.ack()` gives it up. */
  | {
      readonly type: "handler";
      readonly error: unknown;
      readonly message: Message;
      readonly attempt: number;
      readonly retryInMs: number;
    }
  /** A listener of another event threw. */
  | { readonly type: "listener"; readonly error: unknown; readonly event: string }
  /** The server reported an error that answers no request, or sent something odd. */
  | { readonly type: "server"; readonly error: ParleyError }
  /** The server could not store a send; it is tried again. */
  | { readonly type: "send"; readonly error: ParleyError; readonly clientId: string; readonly retryInMs: number }
  /** The session could not be renewed; tried again while it lasts, and with a new connection after that. */
  | { readonly type: "token"; readonly error: ParleyError; readonly retryInMs: number }
  /** Positions or outbox could not be saved; tried again. Acknowledgements wait for it. */
  | { readonly type: "persistence"; readonly error: unknown; readonly retryInMs: number };

export interface ClientEvents {
  state: StateChange;
  message: Message;
  /** Everything that waited on the server has been handed to the application. */
  live: { readonly session: string };
  gap: Gap;
  reset: Reset;
  receipt: Receipt;
  presence: { readonly users: readonly Presence[] };
  /** A send of this client, or one that a former process left in the outbox, was stored. */
  sent: SendResult;
  /** The same for one that the server refused. */
  rejected: { readonly clientId: string; readonly error: ParleyError };
  error: Problem;
}
