/**
 * WebSocket frames as a server receives them (RFC 6455, section 5), from the chunks of a socket: no streams, no events, and
 * nothing kept between whole frames. Limits are checked in the header, before memory is taken. Hot path (`npm run bench`):
 * a whole text message within one chunk. docs/adr/0013-own-websocket-receiver.md says why it is here and how it is checked.
 */
import { isUtf8 } from "node:buffer";
import { helloFrameBytes } from "@parley/protocol";
import { PartialMessage } from "./partial-message.ts";
import { type CloseCode, closeCodes, closeFault } from "./websocket-closing.ts";
import { opcodes } from "./websocket-framing.ts";
import { unmask } from "./websocket-masking.ts";

/** What a receiver tells. After `closed` or `failed` it takes nothing more. */
export interface ReceivedFrames {
  /** A text message, which was `bytes` bytes long. */
  text(text: string, bytes: number): void;
  /** A binary message, valid during the call. */
  binary(bytes: Buffer): void;
  /** The payload is valid during the call. */
  ping(payload: Buffer): void;
  pong(): void;
  /** The peer's close frame, with a payload that may be sent back. */
  closed(payload: Buffer): void;
  /** The peer has broken a rule, or gone beyond a limit: the code to close with. */
  failed(code: CloseCode): void;
  /** Whether a message may become `bytes` bytes long, which is more than a hello may be. False: the peer was told why not. */
  admits(bytes: number): boolean;
}

/** Fragments of one message; each costs time, be it empty. */
const maxFragments = 4096;

const finalBit = 0x80;
const reservedBits = 0x70;
const maskedBit = 0x80;
const maskBytes = 4;
const maxControlBytes = 125;
const finalText = finalBit | opcodes.text;

export class WebSocketReceiver {
  readonly #told: ReceivedFrames;
  /** Longest message, over all of its fragments. */
  readonly #maxBytes: number;
  /** Messages up to here may come from anybody. */
  readonly #freeBytes: number;
  /** The beginning of a header, or of a control frame. */
  #rest: Buffer | undefined;
  #message: PartialMessage | undefined;
  #wholeFrame = false;
  #done = false;

  /** Messages of more than `maxBytes` bytes fail with 1009. */
  constructor(maxBytes: number, told: ReceivedFrames) {
    this.#maxBytes = maxBytes;
    this.#freeBytes = Math.min(maxBytes, helloFrameBytes);
    this.#told = told;
  }

  /**
   * Takes what the peer has sent, the first `length` bytes of `chunk`, unmasks it in place and keeps nothing of that memory.
   * Returns whether it completed a frame.
   */
  push(chunk: Buffer, length = chunk.length): boolean {
    const rest = this.#rest;
    this.#rest = undefined;
    this.#wholeFrame = false;
    const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk.subarray(0, length)]);
    const to = rest === undefined ? length : bytes.length;
    let at = 0;
    while (at < to && !this.#done) {
      const message = this.#message;
      at =
        message === undefined || message.left === 0 ? this.#frame(bytes, at, to) : this.#part(message, bytes, at, to);
    }
    return this.#wholeFrame;
  }

  /** Takes the frame that begins at `at`, or what has come of it before `to`, and returns where that ends. */
  #frame(bytes: Buffer, at: number, to: number): number {
    const message = this.#message;
    const available = to - at;
    if (available < 2) return this.#keep(bytes, at, to);
    const first = bytes[at] as number;
    const second = bytes[at + 1] as number;
    const isPlain = first === finalText && second >= maskedBit && message === undefined;
    if (!isPlain && breaksRules(first, second, message !== undefined)) return this.#fail(closeCodes.protocolError);
    const short = second & ~maskedBit;
    const maskAt = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
    if (maskAt > to) return this.#keep(bytes, at, to);
    const length =
      short < 126
        ? short
        : short === 126
          ? bytes.readUInt16BE(at + 2)
          : bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6);
    const opcode = first & 0x0f;
    const isControl = opcode >= opcodes.close;
    const total = message === undefined || isControl ? length : message.length + length;
    if (total > this.#freeBytes && !isControl && !this.#mayCome(total)) return at;
    const start = maskAt + maskBytes;
    if (start > to) return this.#keep(bytes, at, to);
    const mask = bytes.readInt32LE(maskAt);
    const end = start + length;
    const isWhole = end <= to;
    const isFinal = first >= finalBit;
    if (isControl && !isWhole) return this.#keep(bytes, at, to);
    if (!isControl && (!isWhole || !isFinal || message !== undefined)) {
      const begun = this.#fragment(opcode, isFinal, mask, length);
      return begun ? this.#part(begun, bytes, start, to) : this.#fail(closeCodes.policyViolation);
    }
    const isAscii = unmask(bytes, start, end, mask);
    this.#wholeFrame = true;
    if (isControl) this.#control(opcode, bytes.subarray(start, end));
    else this.#deliver(opcode, bytes, start, end, isAscii);
    return end;
  }

  /** A data frame begins that is not a message by itself, or has not come as a whole. Undefined: it is one too many. */
  #fragment(opcode: number, isFinal: boolean, mask: number, length: number): PartialMessage | undefined {
    this.#message ??= new PartialMessage(opcode);
    if (this.#message.fragments >= maxFragments) return undefined;
    this.#message.begin(isFinal, mask, length);
    return this.#message;
  }

  #part(message: PartialMessage, bytes: Buffer, at: number, to: number): number {
    const end = message.add(bytes, at, to);
    if (message.left > 0) return end;
    this.#wholeFrame = true;
    if (!message.isFinal) return end;
    this.#message = undefined;
    this.#deliver(message.opcode, message.bytes, 0, message.length, message.isAscii);
    return end;
  }

  #deliver(opcode: number, bytes: Buffer, start: number, end: number, isAscii: boolean): void {
    if (opcode === opcodes.binary) return this.#told.binary(bytes.subarray(start, end));
    if (!isAscii && !isUtf8(bytes.subarray(start, end))) return void this.#fail(closeCodes.invalidText);
    this.#told.text(bytes.toString(isAscii ? "latin1" : "utf8", start, end), end - start);
  }

  #control(opcode: number, payload: Buffer): void {
    if (opcode === opcodes.ping) return this.#told.ping(payload);
    if (opcode === opcodes.pong) return this.#told.pong();
    const fault = closeFault(payload);
    if (fault !== undefined) return void this.#fail(fault);
    this.#finish();
    this.#told.closed(payload);
  }

  /** Whether a message of so many bytes is within the limits; where it is not, that was told. */
  #mayCome(bytes: number): boolean {
    if (bytes > this.#maxBytes) this.#fail(closeCodes.tooBig);
    else if (this.#told.admits(bytes)) return true;
    this.#finish();
    return false;
  }

  /** What is too little to go on with, at most a header and 125 bytes: a copy, so that it does not hold the chunk. */
  #keep(bytes: Buffer, at: number, to: number): number {
    this.#rest = Buffer.from(bytes.subarray(at, to));
    return to;
  }

  /** What it returns, as a place to go on from, is of no use to anybody. */
  #fail(code: CloseCode): number {
    this.#finish();
    this.#told.failed(code);
    return 0;
  }

  #finish(): void {
    this.#done = true;
    this.#message = undefined;
  }
}

/** Whether the first two bytes of a frame are none that a client may send there. */
function breaksRules(first: number, second: number, inMessage: boolean): boolean {
  if ((first & reservedBits) !== 0 || second < maskedBit) return true;
  switch (first & 0x0f) {
    case opcodes.continuation:
      return !inMessage;
    case opcodes.text:
    case opcodes.binary:
      return inMessage;
    case opcodes.close:
      return first < finalBit || second > (maskedBit | maxControlBytes) || second === (maskedBit | 1);
    case opcodes.ping:
    case opcodes.pong:
      return first < finalBit || second > (maskedBit | maxControlBytes);
    default:
      return true;
  }
}
