/**
 * Whether a peer in the middle of a frame is getting on with it. Any byte is a sign of life for some time, so that a bad line
 * is no reason to end; then only a whole frame is, or a good part of one: a byte now and then, to hold a connection and what it
 * has sent for ever, is none. Used by the gateways on a stream; hot path.
 */

const goodPartBytes = 65_536;
/** Times that a silent peer has. With the default limit of 90 s, 73 bytes a second are enough. */
const patience = 10;

/** How long a frame, or a good part of one, may take, where `idleMs` is how long a peer may be silent. */
export function frameTimeMs(idleMs: number): number {
  return patience * idleMs;
}

export class FrameProgress {
  readonly #frameMs: number;
  /** When the frame, or the part of it, began; 0: none has. */
  #since = 0;
  #bytes = 0;

  constructor(idleMs: number) {
    this.#frameMs = frameTimeMs(idleMs);
  }

  /** So many bytes came; `whole`: they completed a frame. True: a sign of life. */
  took(bytes: number, whole: boolean): boolean {
    if (whole) {
      this.#since = 0;
      return true;
    }
    const now = performance.now();
    this.#bytes += bytes;
    if (this.#since === 0 || this.#bytes >= goodPartBytes) {
      this.#since = now;
      this.#bytes = 0;
    }
    return now - this.#since < this.#frameMs;
  }
}
