/**
 * Hands bytes to the system by the socket's descriptor, past the stream's queue, its states and an object for each write
 * (docs/adr/0015-write-now.md). Hot path.
 */
import { writeSync } from "node:fs";
import type { Socket } from "node:net";

/** What Node has no public name for: none when the socket is closed, with a descriptor below 0 where the system has none. */
interface WithHandle {
  readonly _handle?: { readonly fd?: number } | null;
}

/**
 * How many of the bytes the system took: as many as had room, and they come after all that was written to the socket before. 0
 * also where there is nothing to be told at once; whoever then writes to the socket is told why, as ever. For plain sockets:
 * what goes through TLS is not for the descriptor.
 */
export function writeNow(socket: Socket, bytes: Buffer): number {
  // What the stream still holds comes first.
  if (socket.writableLength > 0 || socket.writableEnded) return 0;
  const fd = (socket as WithHandle)._handle?.fd;
  if (fd === undefined || fd < 0) return 0;
  try {
    return writeSync(fd, bytes);
  } catch {
    // No room (EAGAIN), or nobody there: the stream waits, or tells.
    return 0;
  }
}
