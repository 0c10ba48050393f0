/**
 * The TCP transport, for Node only (exported by `node.ts`, never on the browser path): 4-byte length and JSON
 * (PROTOCOL.md, "TCP"), with or without TLS. Hot path: everything sent in one turn of the event loop leaves in one write.
 */
import { Buffer } from "node:buffer";
import { connect as connectSocket, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { FrameDecoder, lengthPrefixBytes } from "@parley/protocol";
import type { Transport, TransportConnection, TransportEvents } from "./transport.ts";

/** Port of the native protocol over TCP when the URL names none. */
const defaultPort = 5790;
const schemes: ReadonlySet<string> = new Set(["tcp:", "tls:"]);
const defaultMaxFrameBytes = 64 * 1024 * 1024;

export interface TcpTransportOptions {
  /** Longest frame taken from the server. Default 64 MiB. */
  readonly maxFrameBytes?: number;
  /** Authorities, in PEM, that may have signed the certificate of a `tls://` server. Default: those that Node trusts. */
  readonly ca?: string;
}

/** Carries the protocol over TCP, for URLs of the form `tcp://host:port` or `tls://host:port` (port 5790 unless given). */
export function tcpTransport(options: TcpTransportOptions = {}): Transport {
  const maxFrameBytes = options.maxFrameBytes ?? defaultMaxFrameBytes;
  return {
    connect(url, events) {
      const { protocol, hostname, port } = new URL(url);
      if (!schemes.has(protocol) || hostname === "")
        throw new TypeError(`not a tcp://host:port or tls://host:port URL: ${url}`);
      const host = hostname.replace(/^\[(.*)\]$/, "$1");
      const to = { host, port: port === "" ? defaultPort : Number(port) };
      if (protocol === "tcp:") return new TcpConnection(connectSocket(to), "connect", events, maxFrameBytes);
      // An address is no name to ask for (RFC 6066, section 3); the certificate is compared with it all the same.
      const names = isIP(host) === 0 ? { servername: host } : {};
      const authorities = options.ca === undefined ? {} : { ca: options.ca };
      return new TcpConnection(connectTls({ ...to, ...names, ...authorities }), "secureConnect", events, maxFrameBytes);
    },
  };
}

class TcpConnection implements TransportConnection {
  readonly #socket: Socket;
  readonly #events: TransportEvents;
  #outgoing: string[] = [];
  #over = false;
  #failure = "";

  constructor(socket: Socket, whenOpen: "connect" | "secureConnect", events: TransportEvents, maxFrameBytes: number) {
    this.#socket = socket;
    this.#events = events;
    const decoder = new FrameDecoder(maxFrameBytes, (payload) => this.#received(payload));
    socket.setNoDelay(true);
    socket.on(whenOpen, () => {
      if (!this.#over) events.opened();
    });
    socket.on("data", (chunk) => {
      const fault = this.#over ? undefined : decoder.push(chunk);
      if (fault) {
        this.#failure = `the server sent a bad frame (${fault})`;
        socket.destroy();
      }
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.#failure ||= error.message || error.code || String(error);
    });
    socket.on("close", () => {
      if (this.#over) return;
      this.#over = true;
      events.closed(this.#failure || "the server closed the connection");
    });
  }

  send(text: string): void {
    if (this.#over) return;
    if (this.#outgoing.length === 0) setImmediate(() => this.#flush());
    this.#outgoing.push(text);
  }

  close(): void {
    this.#flush();
    this.#socket.end();
  }

  abort(): void {
    this.#over = true;
    this.#socket.destroy();
  }

  #received(payload: Uint8Array): void {
    if (this.#over) return;
    this.#events.received(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString("utf8"));
  }

  #flush(): void {
    const texts = this.#outgoing;
    if (texts.length === 0 || this.#over) return;
    this.#outgoing = [];
    this.#socket.write(encodeFrames(texts));
  }
}

/** All texts as frames in one buffer. */
function encodeFrames(texts: readonly string[]): Buffer {
  let total = 0;
  const lengths = texts.map((text) => {
    const length = Buffer.byteLength(text);
    total += lengthPrefixBytes + length;
    return length;
  });
  const bytes = Buffer.allocUnsafe(total);
  let offset = 0;
  texts.forEach((text, index) => {
    const length = lengths[index] as number;
    bytes.writeUInt32BE(length, offset);
    bytes.write(text, offset + lengthPrefixBytes, length, "utf8");
    offset += lengthPrefixBytes + length;
  });
  return bytes;
}
