/**
 * Bounds frames before the peer is logged in: `ws` knows only one limit, that of later ones. What is more than any such
 * frame, in pieces as small as may be, is refused before all of it has come. For gateways on WebSocket whose peers log in.
 */
import type { Socket } from "node:net";
import { helloFrameBytes } from "@parley/protocol";

export class HelloLimit {
  readonly #socket: Socket;
  readonly #check: () => void;
  #on = false;
  /** Where in the stream the last whole message was. */
  #start = 0;

  constructor(socket: Socket, exceeded: () => void) {
    this.#socket = socket;
    this.#check = () => {
      if (socket.bytesRead - this.#start > 2 * helloFrameBytes) exceeded();
    };
  }

  set(on: boolean): void {
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
