/**
 * Reading from the sockets of a server. Each read otherwise costs memory of its own, made and given back: 7 to 10 % of the
 * server's time with many connections that say little. So all plain sockets read into the same memory, one after the other. Node has that as
 * the option `onread` of sockets that one connects oneself; those that a server accepts are given here what the option
 * sets, by names that Node keeps to itself. Where these are not as expected (and for TLS) chunks come as `data` events, which
 * is slower and no different. Hot path (`npm run bench`).
 */
import { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/** Who is told what comes. */
export interface Reader {
  /** The first `length` bytes are what came. Valid during the call, and not to be kept. */
  data(bytes: Buffer, length: number): void;
}

const readerKey = Symbol("reader");
type Carrier = Socket & { [readerKey]?: Reader };

/** What Node's `net` sets of a socket that has `onread`. */
interface Internals {
  readonly buffer: symbol;
  readonly callback: symbol;
}

/** As much as Node asks the system for at once. */
const sharedBytes = 65_536;
const shared = Buffer.allocUnsafeSlow(sharedBytes);

const internals = internalsOf(new Socket());

/** Where a socket has them, before it has read anything. */
function internalsOf(socket: Socket): Internals | undefined {
  const named = (name: string) => Object.getOwnPropertySymbols(socket).find(({ description }) => description === name);
  const buffer = named("kBuffer");
  const callback = named("kBufferCb");
  return buffer && callback ? { buffer, callback } : undefined;
}

/** Reads from a socket from now on, and tells `reader`. */
export function readFrom(socket: Carrier, reader: Reader): void {
  socket[readerKey] = reader;
  if (internals && !(socket instanceof TLSSocket)) share(socket, internals);
  // What was read before, if anything, comes like this in any case.
  socket.on("data", tellChunk);
}

// One of each for all sockets: a closure for each is memory of every connection.
function tellChunk(this: Carrier, chunk: Buffer): void {
  this[readerKey]?.data(chunk, chunk.length);
}

function tellRead(this: Carrier, length: number): boolean {
  this[readerKey]?.data(shared, length);
  return true;
}

function share(socket: Socket, { buffer, callback }: Internals): void {
  const inside = socket as unknown as Record<symbol, unknown> & {
    _handle?: { useUserBuffer?: (memory: Buffer) => void };
  };
  const handle = inside._handle;
  if (typeof handle?.useUserBuffer !== "function" || inside[buffer] !== null || inside[callback] !== null) return;
  handle.useUserBuffer(shared);
  inside[buffer] = shared;
  inside[callback] = tellRead;
}
