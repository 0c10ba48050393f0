/**
 * Messages as the application sees them: `StoredMessage` from history, `Message` from live delivery, which can be
 * acknowledged. Hot path: one instance per delivery, no closures; a base64 body is decoded only when asked for.
 */
import type { ServerMessages } from "@parley/protocol";
import { decodeBase64 } from "./base64.ts";
import type { Cursor } from "./cursors.ts";

/** A message as it is on the wire. */
export type WireMessage = ServerMessages["message"];

/** A message out of a log. */
export class StoredMessage {
  /** The folded name of the log it is in: a user, a `#room`, or `*`. */
  readonly log: string;
  /** Which incarnation of the log `seq` counts in. Empty when the server has not told it. */
  readonly epoch: string;
  readonly seq: number;
  /** The server's id: unique, sortable by time, the same in every log the message was written to. */
  readonly id: string;
  readonly from: string;
  /** What the sender addressed it to. */
  readonly to: string | readonly string[];
  /** When the server stored it, in milliseconds since the epoch. */
  readonly ts: number;
  /** The body as it travelled: text, or base64 where `encoding` says so (then see `bytes`). */
  readonly body: string;
  readonly encoding: "base64" | undefined;
  readonly contentType: string;
  /** The application's own word for what this is. */
  readonly type: string | undefined;
  /** The sender's own id for it. */
  readonly clientId: string | undefined;
  readonly expiresAt: number | undefined;
  /** Whether the sender asked for receipts. */
  readonly receipt: boolean;
  /** An operator sent it again from the dead letters: the id of the first. */
  readonly replayOf: string | undefined;

  constructor(wire: WireMessage, epoch: string) {
    this.log = wire.log;
    this.epoch = epoch;
    this.seq = wire.seq;
    this.id = wire.id;
    this.from = wire.from;
    this.to = wire.to;
    this.ts = wire.ts;
    this.body = wire.body;
    this.encoding = wire.encoding;
    this.contentType = wire.contentType ?? "text/plain";
    this.type = wire.type;
    this.clientId = wire.clientId;
    this.expiresAt = wire.expiresAt;
    this.receipt = wire.receipt ?? false;
    this.replayOf = wire.replayOf;
  }

  /** The body as bytes: decoded where it travelled as base64, UTF-8 of the text otherwise. */
  get bytes(): Uint8Array {
    return this.encoding === "base64" ? decodeBase64(this.body) : new TextEncoder().encode(this.body);
  }
}

export interface AckOptions {
  /** A person has seen it, not only a program: the sender gets a `read` receipt where it asked for receipts. */
  readonly read?: boolean;
}

/** Whoever moves cursors on behalf of messages. */
export interface Acknowledger {
  acknowledge(cursor: Cursor, seq: number, options: AckOptions): void;
}

/** A message that was delivered and waits to be acknowledged. */
export class Message extends StoredMessage {
  readonly #cursor: Cursor;
  readonly #acknowledger: Acknowledger;

  constructor(wire: WireMessage, cursor: Cursor, acknowledger: Acknowledger) {
    super(wire, cursor.epoch);
    this.#cursor = cursor;
    this.#acknowledger = acknowledger;
  }

  /**
   * Acknowledges this message and all before it in its log: they will not be delivered to this device again. Needed
   * with `autoAck: false`; otherwise useful to report `read`, to skip a message whose handler keeps failing, or before
   * leaving a `for await` loop.
   */
  ack(options: AckOptions = {}): void {
    this.#acknowledger.acknowledge(this.#cursor, this.seq, options);
  }
}
