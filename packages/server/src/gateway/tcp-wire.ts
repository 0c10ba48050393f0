/** TCP for gateways: listening, and a `Wire` over a socket. */
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer } from "node:tls";
import type { Fault } from "@parley/protocol";
import { authority } from "../http/authority.ts";
import { backlog } from "../http/backlog.ts";
import { Refusals } from "../http/refusals.ts";
import type { ServerTls } from "../tls/server-tls.ts";
import { allowanceOf, type Doors } from "./doors.ts";
import type { Framing } from "./frames.ts";
import type { GatewayLog } from "./gateway.ts";
import { Outbox } from "./outbox.ts";
import { readFrom } from "./shared-reads.ts";
import { lingerMs, type Wire, type WireEvents } from "./wire.ts";

export interface TcpListenerOptions {
  /** The gateway's, for the log and for what the core is told. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly log: GatewayLog;
  /** Default: none. */
  readonly tls?: ServerTls | undefined;
  /** Who counts connections; none: nobody. */
  readonly doors?: Doors | undefined;
  /** The last words to a peer that is not let in; none: it is cut off. */
  readonly refusal?: (fault: Fault) => string | Buffer;
}

export interface TcpListener {
  /** `tcp://127.0.0.1:5790`, or `tls://…`, with the port that was had. */
  readonly url: string;
  /** Resolves when the port is free and every connection has ended. */
  stop(): Promise<void>;
}

/** Dead peers that nothing is sent to are found by the operating system. */
const keepAliveMs = 60_000;

const refusedLingerMs = 500;

/** Listens. Rejects where the address cannot be had. */
export async function listenTcp(
  { name, host, port, log, tls, doors, refusal }: TcpListenerOptions,
  accept: (socket: Socket) => void,
): Promise<TcpListener> {
  const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs };
  const server: Server = tls ? createTlsServer({ ...options, ...tls.serverOptions }) : createServer(options);
  if ("setSecureContext" in server) tls?.keepUpToDate(server as TlsServer);
  const refusals = new Refusals();
  // Before any handshake.
  server.on("connection", (socket: Socket) => {
    const admitted = doors?.admit(socket);
    if (!admitted || admitted.ok) return;
    if (refusal) refusals.add(socket, admitted.fault);
    else socket.destroy();
  });
  server.on(tls ? "secureConnection" : "connection", (socket: Socket) => {
    if (socket.destroyed) return;
    const fault = refusals.of(socket);
    if (fault) refuse(socket, refusal?.(fault));
    else accept(socket);
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, host, backlog, resolve));
  server.removeAllListeners("error").on("error", (error) => log.error(`${name} listener`, error));
  const address = server.address();
  const bound = typeof address === "object" && address ? address.port : port;
  return {
    url: `${tls ? "tls" : "tcp"}://${authority(host, bound)}`,
    stop: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

/** Lets the peer read its last words, but not for long: it is one too many. */
function refuse(socket: Socket, words: string | Buffer | undefined): void {
  socket.on("error", () => socket.destroy());
  if (words === undefined) return void socket.destroy();
  socket.resume();
  socket.end(words);
  setTimeout(() => socket.destroy(), refusedLingerMs).unref();
}

export interface TcpWireOptions {
  readonly gateway: string;
  readonly framing: Framing;
  readonly maxOutboxBytes: number;
}

/** Who is told what becomes of a connection over TCP. */
export interface TcpEvents extends Omit<WireEvents, "heard"> {
  /** The chunk is valid during the call, and not to be kept. */
  data(chunk: Buffer): void;
}

/** A wire over `socket`. Nothing is told during the call. */
export function tcpWire(socket: Socket, { gateway, framing, maxOutboxBytes }: TcpWireOptions, events: TcpEvents): Wire {
  readFrom(socket, { data: (bytes, length) => events.data(bytes.subarray(0, length)) });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => events.gone());
  return {
    info: { gateway, address: `${socket.remoteAddress}:${socket.remotePort}` },
    allowance: allowanceOf(socket),
    outbox: new Outbox(socket, framing, maxOutboxBytes, events),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    probe: () => {},
    end: () => {
      // A peer that was not read from could not tell that it is done.
      socket.resume();
      socket.end();
      setTimeout(() => socket.destroy(), lingerMs).unref();
    },
  };
}
