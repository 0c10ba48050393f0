/**
 * Bounds WebSocket messages before their peer is logged in: `ws` knows only one limit, that of later ones. What is more
 * than any such message, in pieces as small as may be, is refused before all of it has come.
 */
import type { Socket } from "node:net";
import { fail, helloFrameBytes } from "@parley/protocol";

export class HelloLimit {
  readonly #socket: Socket;
  readonly #check: () => void;
  #on = false;
  /** Where in the stream the last whole message was. */
  #start = 0;

  /** `exceeded` is told of a message that is too long before all of it has come. */
  constructor(socket: Socket, exceeded: () => void) {
    this.#socket = socket;
    this.#check = () => {
      if (socket.bytesRead - this.#start > 2 * helloFrameBytes) exceeded();
    };
  }

  set(on: boolean): void {
    if (on === this.#on) return;
    this.#on = on;
    this.#start = this.#socket.bytesRead;
    this.#socket.off("data", this.#check);
    if (on) this.#socket.on("data", this.#check);
  }

  /** A message has come. False: it is too long. */
  took(bytes: number): boolean {
    this.#start = this.#socket.bytesRead;
    return !this.#on || bytes <= helloFrameBytes;
  }
}

/** What somebody is told who went beyond it. */
export const helloTooLarge = fail("frame_too_large", `a frame has at most ${helloFrameBytes} bytes before login`).fault;
