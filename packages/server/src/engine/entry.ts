/**
 * One entry of a log, as engines return it and sessions deliver it. The payload is the message as JSON text (see
 * `core/message.ts`), opaque to engines. Immutable; shared by every session it is delivered to, so that each codec
 * encodes it once. Hot path.
 */
import type { LogName } from "@parley/protocol";

/** Turns an entry into the text of one frame. */
export type EntryWriter = (entry: Entry) => string;

/** Turns an entry into the bytes of one frame. The function's identity is the key under which the bytes are kept. */
export type EntryEncoder = (entry: Entry) => Buffer;

export class Entry {
  /** So that an entry can stand among other events. */
  get op(): "message" {
    return "message";
  }
  readonly log: LogName;
  readonly epoch: string;
  /** 1, 2, 3 … within the log's epoch. */
  readonly seq: number;
  /** The message: one JSON object without `log` and `seq`. */
  readonly payload: string;
  /** The device that sent it where that device must not get it back, else "". */
  readonly origin: string;
  /** Milliseconds since the epoch after which it is no longer delivered; 0 = never. */
  readonly expiresAt: number;
  #encoder: EntryEncoder | undefined;
  #encoded: Buffer | undefined;
  /** Text that is known to be what that writer writes. */
  #writer: EntryWriter | undefined;
  #written: string | undefined;

  constructor(log: LogName, epoch: string, seq: number, payload: string, origin: string, expiresAt: number) {
    this.log = log;
    this.epoch = epoch;
    this.seq = seq;
    this.payload = payload;
    this.origin = origin;
    this.expiresAt = expiresAt;
  }

  /** It is known that `writer` writes `text`: it need not do so. */
  isWritten(writer: EntryWriter, text: string): void {
    this.#writer = writer;
    this.#written = text;
  }

  /** What `writer` writes. */
  writtenBy(writer: EntryWriter): string {
    return this.#writer === writer ? (this.#written as string) : writer(this);
  }

  /** The frame that `encoder` makes of this entry, made once and shared. Keeps the latest encoder's bytes. */
  encodedBy(encoder: EntryEncoder): Buffer {
    if (this.#encoded === undefined || this.#encoder !== encoder) {
      this.#encoder = encoder;
      this.#encoded = encoder(this);
    }
    return this.#encoded;
  }

  /** Lets go of encoded bytes once the fan-out is over, so that an entry kept for readers costs only its text. */
  forgetEncoded(): void {
    this.#encoded = undefined;
  }
}
