import type { Socket } from "node:net";

/**
 * Cuts a connection by a reset, without a goodbye. One that is ending is closed instead: Node does not close a socket that is
 * reset while it is shut down, and its process then spins for ever when it is to exit (https://github.com/libp2p/js-libp2p/pull/3597).
 */
export function reset(socket: Socket): void {
  if (socket.writableEnded || socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}
