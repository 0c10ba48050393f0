/**
 * A WebSocket message of which not everything has come: its unmasked bytes in one piece of memory, which grows with them
 * and never by what a frame announces. So many small pieces cost no more than few large ones. Used by the receiver.
 */
import { rotated, unmask } from "./websocket-masking.ts";

const firstBytes = 1024;

export class PartialMessage {
  readonly opcode: number;
  /** Unmasked, as many as have come. */
  length = 0;
  /** Whether all that has come is ASCII. */
  isAscii = true;
  /** Frames that were begun. */
  fragments = 0;
  #bytes = Buffer.alloc(0);
  // The frame under way
  #isFinal = false;
  #mask = 0;
  #left = 0;

  constructor(opcode: number) {
    this.opcode = opcode;
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }

  /** Whether the frame under way is the message's last. */
  get isFinal(): boolean {
    return this.#isFinal;
  }

  /** What is missing of the frame under way, in bytes. */
  get left(): number {
    return this.#left;
  }

  /** A frame begins, of `length` bytes. */
  begin(isFinal: boolean, mask: number, length: number): void {
    this.fragments += 1;
    this.#isFinal = isFinal;
    this.#mask = mask;
    this.#left = length;
  }

  /** Takes what belongs to the frame, from `start` on and before `to`, and returns where that ends. Unmasks it in place. */
  add(bytes: Buffer, start: number, to: number): number {
    const end = Math.min(to, start + this.#left);
    const count = end - start;
    if (!unmask(bytes, start, end, this.#mask)) this.isAscii = false;
    this.#makeRoom(count);
    bytes.copy(this.#bytes, this.length, start, end);
    this.length += count;
    this.#left -= count;
    this.#mask = rotated(this.#mask, count);
    return end;
  }

  #makeRoom(count: number): void {
    const needed = this.length + count;
    if (needed <= this.#bytes.length) return;
    const wanted = Math.max(firstBytes, 2 * needed);
    const all = this.#isFinal ? this.length + this.#left : wanted;
    const grown = Buffer.allocUnsafeSlow(Math.min(wanted, all));
    this.#bytes.copy(grown, 0, 0, this.length);
    this.#bytes = grown;
  }
}
