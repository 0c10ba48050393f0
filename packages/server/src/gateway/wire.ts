/** A stream to one peer, as the gateways on TCP and WebSocket see it: what `tcp-wire.ts` and `websocket-wire.ts` make. */
import type { Connection } from "../core/connection.ts";
import type { Allowance } from "../core/limits/allowance.ts";
import type { Pausable } from "./flow-gate.ts";
import type { Outbox } from "./outbox.ts";

export interface Wire extends Pausable {
  readonly info: Connection["info"];
  readonly outbox: Outbox;
  /** What the peer may still send; undefined: there is no limit. The gateway tells it of every frame. */
  readonly allowance?: Allowance | undefined;
  /** Makes the peer give a sign of life, where the carrier has a way. */
  probe(): void;
  /** Ends the connection when what was written has left; `code` is a WebSocket close code. */
  end(code: number, reason: string): void;
}

/** What a wire tells its gateway. */
export interface WireEvents {
  /** A whole frame came, or a good part of one (`frame-progress.ts`). Over TCP, gateways see that themselves. */
  heard(): void;
  /** The outbox was full and has room again. */
  drained(): void;
  /** The peer is gone, or the connection is being closed. May come more than once. */
  gone(): void;
}

/** How long a peer may take to read what is left for it, once we have ended the connection. */
export const lingerMs = 5_000;
