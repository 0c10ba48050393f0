/**
 * The gateway port: a protocol on a listener. A gateway turns its protocol's bytes into core commands and core events
 * into its bytes, over the shared `Outbox`. `server.ts` starts and stops gateways and knows nothing else of them.
 * How to add one: CONTRIBUTING.md.
 */
import type { Core } from "../core/core.ts";
import type { ErrorLog } from "../core/log.ts";
import type { ServerTls } from "../tls/server-tls.ts";
import type { Doors } from "./doors.ts";

export interface Gateway {
  /** As in the configuration: `native-tcp`. */
  readonly name: string;

  /** What a line of the protocol is about, for the list that `parley serve` prints: address, and what can be done there. */
  readonly listeners: readonly Listener[];

  /**
   * Stops listening and ends the connections that are not logged in yet; the core ends the others. Resolves when the
   * port is free.
   */
  stop(): Promise<void>;
}

/** What a gateway is started with; those of the server itself take their settings beside it. */
export interface GatewayContext {
  readonly core: Core;
  /** The address that all listeners bind. */
  readonly host: string;
  /** For `tcpWire` and `WebSocketAcceptor`: how much may wait for one peer. */
  readonly maxOutboxBytes: number;
  readonly log: GatewayLog;
  /** Of every TCP listener; undefined: none. */
  readonly tls?: ServerTls | undefined;
  /** For `listenTcp`: who counts connections and gives them their rates; none: there are no limits. */
  readonly doors?: Doors | undefined;
}

/** Listens. Rejects where the address cannot be had. */
export type StartGateway = (context: GatewayContext) => Gateway | Promise<Gateway>;

export interface Listener {
  /** `tcp://127.0.0.1:5790`; with TLS `tls://…`, `https://…` and `wss://…`. */
  readonly url: string;
  readonly purpose: string;
}

/** Where a gateway says what no peer can be answered. */
export type GatewayLog = ErrorLog;
