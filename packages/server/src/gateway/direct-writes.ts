/**
 * Writing to the sockets of a server without the stream around them. Most writes are small and taken by the system at once;
 * what a stream does for those that are not (a list of what waits, callbacks in a later tick) is a tenth of the server's time in
 * a large room. So a socket that holds nothing is written to by its handle, which is what the stream does in the end, by names that
 * Node keeps to itself. Where these are not as expected, nothing is written here, and the stream is to be written to: slower
 * and no different (docs/adr/0017-direct-writes.md). Hot path (`npm run bench`).
 */
import type { Socket } from "node:net";

/** Who is told how a write ended that was not over at once. */
export interface WriteEnd {
  /** The system has taken the rest, or will not: the connection is gone. */
  ended(ok: boolean): void;
}

/** What Node's streams hand to a socket's handle with each write; kept by the handle if that is not over at once. */
interface Request {
  buffer?: Buffer;
  oncomplete?: (status: number) => void;
}

/** Node's own of a socket, as far as it is used here. */
interface Handle {
  /** Returns 0, or the number of an error: then nothing is written. */
  writeBuffer?(request: Request, bytes: Buffer): number;
}

/** Node's own of all sockets, as far as it is used here. */
interface Binding {
  readonly WriteWrap?: new () => Request;
  /** What became of the last write, whichever socket's it was, at the places that the other names say. */
  readonly streamBaseState?: Int32Array;
  readonly kLastWriteWasAsync?: number;
}

const { WriteWrap: NewRequest, streamBaseState: lastWrite, kLastWriteWasAsync: isAsyncAt } = streamBinding();
/** Used for as long as no handle keeps it. */
let request = NewRequest && new NewRequest();

function streamBinding(): Binding {
  try {
    return (process as unknown as { binding(name: string): Binding }).binding("stream_wrap");
  } catch {
    return {};
  }
}

/** Whether the system has not taken all of what was written here: what the stream holds, it knows itself. */
const underWay = Symbol("under way");
type Carrier = Socket & { [underWay]?: boolean };

/**
 * Writes to a plain socket: `taken`, the system has all; `under way`, it has a part, `bytes` are not to be changed, and `end`
 * is told, never during the call; `not`, nothing was written.
 */
export function writeDirectly(socket: Carrier, bytes: Buffer, end: WriteEnd): "taken" | "under way" | "not" {
  const handle = (socket as unknown as { readonly _handle?: Handle | null })._handle;
  if (!NewRequest || !request || !lastWrite || isAsyncAt === undefined) return "not";
  if (!handle?.writeBuffer || socket[underWay] === true) return "not";
  if (socket.writableLength > 0 || socket.writableCorked > 0 || socket.writableEnded || socket.connecting) return "not";
  const used = request;
  if (handle.writeBuffer(used, bytes) !== 0) {
    // The stream meets the same error, and tells it.
    request = new NewRequest();
    return "not";
  }
  if (lastWrite[isAsyncAt] === 0) return "taken";
  request = new NewRequest();
  socket[underWay] = true;
  used.buffer = bytes;
  used.oncomplete = (status) => {
    socket[underWay] = false;
    end.ended(status === 0);
  };
  return "under way";
}
