/**
 * WebSocket for gateways: `ws` does the handshake and parses, frames go out by our own write path on the same socket,
 * because one write per turn is several times faster than one per message.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Server, WebSocket, WebSocketServer } from "ws";
import { allowanceOf } from "./doors.ts";
import { FrameProgress } from "./frame-progress.ts";
import { Outbox } from "./outbox.ts";
import { webSocketText } from "./websocket-framing.ts";
import { lingerMs, type Wire, type WireEvents } from "./wire.ts";

export interface WebSocketAcceptorOptions {
  readonly gateway: string;
  /** Longest message in bytes, whole; longer ones end the connection with 1009. */
  readonly maxPayload: number;
  readonly maxOutboxBytes: number;
  /** How long a peer may be silent: what counts as a sign of life depends on it. */
  readonly idleMs: number;
  /** Offered to clients that offer it. */
  readonly subprotocol?: string;
}

export interface WebSocketEvents extends WireEvents {
  /** A text message of `bytes` bytes. */
  text(text: string, bytes: number): void;
  binary(bytes: Buffer): void;
  /** A frame of the carrier's own: a ping or a pong. */
  control(): void;
}

/** Fragments of one message: each costs memory beside its bytes, be it empty. */
const maxFragments = 4096;
/** Pieces in which the network delivers one frame: as many as 8 MiB have in the smallest packets of IPv4 (RFC 791, 576 bytes). */
const maxBufferedChunks = 16_384;

/** Tells before it closes, whoever wants it: nothing may follow a close frame (RFC 6455, section 5.5.1). */
class ClosingWebSocket extends WebSocket {
  onClosing: () => void = () => {};

  override close(code?: number, reason?: string | Buffer): void {
    this.onClosing();
    super.close(code, reason);
  }
}

export class WebSocketAcceptor {
  readonly #options: WebSocketAcceptorOptions;
  readonly #server: Server<typeof ClosingWebSocket>;

  constructor(options: WebSocketAcceptorOptions) {
    this.#options = options;
    const { subprotocol } = options;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.maxPayload,
      maxFragments,
      maxBufferedChunks,
      WebSocket: ClosingWebSocket,
      handleProtocols: (offered) => (subprotocol !== undefined && offered.has(subprotocol) ? subprotocol : false),
    });
  }

  /** Completes the handshake; `open` is then given the wire, and the socket below it, and returns who is told. */
  accept(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    open: (wire: Wire, socket: Socket) => WebSocketEvents,
  ): void {
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#open(webSocket, request.socket, open));
  }

  #open(webSocket: ClosingWebSocket, socket: Socket, open: (wire: Wire, socket: Socket) => WebSocketEvents): void {
    const { gateway, maxOutboxBytes, idleMs } = this.#options;
    const outbox = new Outbox(socket, webSocketText, maxOutboxBytes, () => events.drained());
    const wire: Wire = {
      info: { gateway, address: `${socket.remoteAddress}:${socket.remotePort}` },
      outbox,
      allowance: allowanceOf(socket),
      pause: () => webSocket.pause(),
      resume: () => webSocket.resume(),
      probe: () => webSocket.ping(),
      end: (code, reason) => webSocket.close(code, reason),
    };
    const events = open(wire, socket);
    webSocket.onClosing = () => {
      webSocket.onClosing = () => {};
      events.gone();
      outbox.close();
      // A peer that was not read from could not answer the close.
      webSocket.resume();
      setTimeout(() => webSocket.terminate(), lingerMs).unref();
    };
    const progress = new FrameProgress(idleMs);
    const whole = () => {
      if (progress.took(0, true)) events.heard();
    };
    socket.on("data", (chunk: Buffer) => {
      if (progress.took(chunk.length, false)) events.heard();
    });
    const control = () => {
      whole();
      events.control();
    };
    webSocket.on("ping", control).on("pong", control);
    webSocket.on("message", (data: Buffer, isBinary: boolean) => {
      whole();
      if (isBinary) events.binary(data);
      else events.text(data.toString(), data.length);
    });
    webSocket.on("error", () => {});
    webSocket.on("close", () => events.gone());
  }
}
