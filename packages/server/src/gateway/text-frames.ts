/** A stream of length-prefixed frames of UTF-8, as texts: for the gateways on TCP that speak in such. Hot path. */
import { isUtf8 } from "node:buffer";
import { FrameDecoder, type FrameFault } from "@parley/protocol";

export class TextFrames {
  readonly #decoder: FrameDecoder;
  readonly #onFault: (fault: FrameFault | "bad_utf8") => void;

  /** `onText` is told each frame and its length, `onFault` what cannot be read; what comes after it is as the caller sees fit. */
  constructor(
    maxBytes: number,
    onText: (text: string, bytes: number) => void,
    onFault: (fault: FrameFault | "bad_utf8") => void,
  ) {
    this.#onFault = onFault;
    this.#decoder = new FrameDecoder(maxBytes, (payload) => {
      const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
      if (isUtf8(bytes)) onText(bytes.toString(), bytes.length);
      else onFault("bad_utf8");
    });
  }

  /** Longest frame that is taken. */
  get maxBytes(): number {
    return this.#decoder.maxBytes;
  }

  set maxBytes(maxBytes: number) {
    this.#decoder.maxBytes = maxBytes;
  }

  /** Whether the beginning of a frame is there, and not its end. */
  get incomplete(): boolean {
    return this.#decoder.bufferedBytes > 0;
  }

  /** Takes the next bytes. True: they completed a frame. */
  push(chunk: Buffer): boolean {
    const before = this.#decoder.bufferedBytes;
    const fault = this.#decoder.push(chunk);
    const whole = this.#decoder.bufferedBytes !== before + chunk.length;
    if (fault) this.#onFault(fault);
    return whole;
  }
}
