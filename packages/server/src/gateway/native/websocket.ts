/**
 * `parley.v1` over WebSocket (PROTOCOL.md, "WebSocket"): `ws` does the handshake and parses, frames go out by our own
 * write path on the same socket, because one write per turn is several times faster than one per message.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { fail, helloFrameBytes } from "@parley/protocol";
import { WebSocket, WebSocketServer } from "ws";
import type { Core } from "../../core/core.ts";
import type { Entry } from "../../engine/entry.ts";
import type { HttpListener } from "../../http/http-listener.ts";
import type { Gateway, GatewayLog } from "../gateway.ts";
import { IdleSweep } from "../idle-sweep.ts";
import { encodeOne, Outbox } from "../outbox.ts";
import { webSocketText } from "../websocket-framing.ts";
import { encodeEntry } from "./codec.ts";
import { NativeConnection } from "./native-connection.ts";

export const nativePath = "/v1/ws";
const subprotocol = "parley.v1";

export interface NativeWebSocketOptions {
  readonly core: Core;
  readonly http: HttpListener;
  readonly maxOutboxBytes: number;
  readonly log: GatewayLog;
}

const encodeShared = (entry: Entry) => encodeOne(encodeEntry(entry), webSocketText);
/** How long a peer may take to read what is left for it and to answer our close. */
const lingerMs = 5_000;

/** Tells before it closes, whoever wants it: nothing may follow a close frame (RFC 6455, section 5.5.1). */
class ClosingWebSocket extends WebSocket {
  onClosing: () => void = () => {};

  override close(code?: number, reason?: string | Buffer): void {
    this.onClosing();
    super.close(code, reason);
  }
}

/** Serves `/v1/ws` on the HTTP listener. */
export function startNativeWebSocket({ core, http, maxOutboxBytes, log }: NativeWebSocketOptions): Gateway {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: core.limits.maxFrameBytes,
    WebSocket: ClosingWebSocket,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });
  const sweep = new IdleSweep<NativeConnection>(core.limits.idleMs, (connection) => connection.probe());
  http.onUpgrade(nativePath, (request, socket, head) => {
    if (!offersUs(request)) return http.refuseUpgrade(socket, 400, `the subprotocol is ${subprotocol}`);
    server.handleUpgrade(request, socket, head, (webSocket) => {
      const outbox = new Outbox(socket, webSocketText, maxOutboxBytes, () => connection.drained());
      const connection = open(core, log, webSocket, request.socket, outbox);
      sweep.connections.add(connection);
      webSocket.on("close", () => sweep.connections.delete(connection));
    });
  });
  const url = `${http.url.replace("http", "ws")}${nativePath}`;
  return {
    name: "native-websocket",
    listeners: [{ url, purpose: "native protocol over WebSocket: browsers and programs" }],
    stop: async () => {
      sweep.stop();
      http.offUpgrade(nativePath);
      for (const connection of sweep.connections) connection.stop();
    },
  };
}

/** A client that offers subprotocols must offer ours (RFC 6455, section 4.1); one that offers none is welcome. */
function offersUs({ headers }: IncomingMessage): boolean {
  const offered = headers["sec-websocket-protocol"];
  return offered === undefined || offered.split(",").some((protocol) => protocol.trim() === subprotocol);
}

function open(
  core: Core,
  log: GatewayLog,
  webSocket: ClosingWebSocket,
  socket: Socket,
  outbox: Outbox,
): NativeConnection {
  const helloLimit = new HelloLimit(socket, () => connection.refuse(tooLarge));
  const connection = new NativeConnection(
    core,
    {
      info: { gateway: "native-websocket", address: `${socket.remoteAddress}:${socket.remotePort}` },
      outbox,
      encodeShared,
      limitFrames: (maxBytes) => helloLimit.set(maxBytes === helloFrameBytes),
      pause: () => webSocket.pause(),
      resume: () => webSocket.resume(),
      probe: () => webSocket.ping(),
      end: (code, reason) => webSocket.close(code, reason),
    },
    log,
  );
  webSocket.onClosing = () => {
    webSocket.onClosing = () => {};
    connection.gone();
    outbox.close();
    // A peer that was not read from could not answer the close.
    webSocket.resume();
    setTimeout(() => webSocket.terminate(), lingerMs).unref();
  };
  socket.on("data", () => connection.heard());
  webSocket.on("message", (data: Buffer, isBinary: boolean) => {
    if (isBinary) connection.refuse(fail("bad_frame", "frames of this protocol are text").fault);
    else if (helloLimit.took(data.length)) connection.receive(data.toString());
    else connection.refuse(tooLarge);
  });
  webSocket.on("error", () => {});
  webSocket.on("close", () => connection.gone());
  return connection;
}

const tooLarge = fail("frame_too_large", `a frame has at most ${helloFrameBytes} bytes before hello`).fault;

/**
 * Bounds frames before the peer is logged in: `ws` knows only one limit, that of later ones. What is more than any such
 * frame, in pieces as small as may be, is refused before all of it has come.
 */
class HelloLimit {
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
