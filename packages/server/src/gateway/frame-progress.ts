/**
 * Whether a peer that sends a frame is getting on with it. A sign of life is a whole frame, or a good part of one: a byte
 * now and then, to hold a connection and what it has sent for ever, is none. Used by the gateways on a stream; hot path.
 */

/** With the default limit of 90 s for who is idle, 728 bytes a second are enough. */
export const goodPartBytes = 65_536;

export class FrameProgress {
  #bytes = 0;

  /** So many bytes came; `whole`: they completed a frame. True: a sign of life. */
  took(bytes: number, whole: boolean): boolean {
    this.#bytes = whole ? 0 : this.#bytes + bytes;
    if (!whole && this.#bytes < goodPartBytes) return false;
    this.#bytes = 0;
    return true;
  }
}
