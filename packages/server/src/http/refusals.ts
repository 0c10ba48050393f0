/**
 * Connections that were one too many and have not been told yet: they are told in their protocol, over TLS after the
 * handshake. Only so many wait for that, the others are cut off. Used by the TCP and HTTP listeners.
 */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Fault } from "@parley/protocol";

const maxWaiting = 256;

/** The TCP socket that a socket is laid over, or is: connections are counted before there is any TLS. */
export function tcpSocketOf(socket: Socket): Socket {
  if (!(socket instanceof TLSSocket)) return socket;
  // Node has no documented name for it; test/limits/tls.test.ts would notice another one.
  return (socket as TLSSocket & { readonly _parent?: Socket | null })._parent ?? socket;
}

export class Refusals {
  readonly #faults = new WeakMap<Socket, Fault>();
  #waiting = 0;

  /** `socket` is that of TCP. It is cut off if too many wait. */
  add(socket: Socket, fault: Fault): void {
    if (this.#waiting >= maxWaiting) return void socket.destroy();
    this.#faults.set(socket, fault);
    this.#waiting += 1;
    socket.once("close", () => {
      this.#waiting -= 1;
    });
  }

  /** Why the connection, of TCP or TLS, is refused; undefined: it is not. */
  of(socket: Socket): Fault | undefined {
    return this.#faults.get(tcpSocketOf(socket));
  }
}
