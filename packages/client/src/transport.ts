/**
 * The port to the network. A transport carries texts (one JSON object each) in order, both ways. Obligations: after
 * `connect` returns, exactly one `closed` comes, after which no other callback; `opened` comes at most once before any
 * `received`; no callback runs inside `connect`, `send` or `close`; after `abort` there are no callbacks at all.
 */

export interface TransportEvents {
  opened(): void;
  received(text: string): void;
  /** The connection is over, or could not be made. `reason` is for people. */
  closed(reason: string): void;
}

export interface TransportConnection {
  /** Sends one text. Never blocks; silently does nothing once the connection is over. */
  send(text: string): void;
  /** Closes after everything sent so far has left. */
  close(): void;
  /** Gives up the connection at once, for a dead peer. */
  abort(): void;
}

export interface Transport {
  /** Starts connecting to `url`. Throws on a URL that it cannot take. */
  connect(url: string, events: TransportEvents): TransportConnection;
}
