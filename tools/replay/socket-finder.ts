/**
 * Finds the TCP socket under each WebSocket of this process, which the platform's `WebSocket` does not give away, so
 * that a connection can be cut without a closing handshake. Rests on two facts of Node's `undici`: it publishes each
 * socket it connects, and publishes an opened WebSocket with its local port right after its `open` event has run.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

const connectedChannel = "undici:client:connected";
const openChannel = "undici:websocket:open";

export class SocketFinder {
  readonly #connected = new Map<number, Socket>();
  #opening: ((socket: Socket) => void) | undefined;

  constructor() {
    subscribe(connectedChannel, this.#noteConnected);
    subscribe(openChannel, this.#noteOpen);
  }

  /** Called while the `open` event of a WebSocket runs: its socket is handed to `claim` right after. */
  opening(claim: (socket: Socket) => void): void {
    this.#opening = claim;
  }

  stop(): void {
    unsubscribe(connectedChannel, this.#noteConnected);
    unsubscribe(openChannel, this.#noteOpen);
  }

  readonly #noteConnected = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    const port = socket.localPort;
    if (port === undefined) return;
    this.#connected.set(port, socket);
    socket.once("close", () => {
      if (this.#connected.get(port) === socket) this.#connected.delete(port);
    });
  };

  readonly #noteOpen = (message: unknown): void => {
    const { address } = message as { readonly address: { readonly port: number } };
    const socket = this.#connected.get(address.port);
    const claim = this.#opening;
    this.#opening = undefined;
    if (claim && socket) claim(socket);
  };
}
