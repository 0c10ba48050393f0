/**
 * `parley.v1` over WebSocket (PROTOCOL.md, "WebSocket"): `ws` does the handshake and parses, frames go out by our own
 * write path on the same socket, because one write per turn is several times faster than one per message.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { fail, helloFrameBytes } from "@parley/protocol";
import { type WebSocket, WebSocketServer } from "ws";
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

interface Live {
  readonly connection: NativeConnection;
  readonly webSocket: WebSocket;
  silentSweeps: number;
  idle(): void;
}

const encodeShared = (entry: Entry) => encodeOne(encodeEntry(entry), webSocketText);

/** Serves `/v1/ws` on the HTTP listener. */
export function startNativeWebSocket({ core, http, maxOutboxBytes, log }: NativeWebSocketOptions): Gateway {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: core.limits.maxFrameBytes,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });
  const sweep = new IdleSweep<Live>(core.limits.idleMs, ({ webSocket }) => webSocket.ping());
  http.onUpgrade(nativePath, (request, socket, head) => {
    if (!offersUs(request)) return http.refuseUpgrade(socket, 400, `the subprotocol is ${subprotocol}`);
    server.handleUpgrade(request, socket, head, (webSocket) => {
      const outbox = new Outbox(socket, webSocketText, maxOutboxBytes, () => live.connection.drained());
      const live = open(core, log, webSocket, socket, outbox, addressOf(request));
      sweep.connections.add(live);
      webSocket.on("close", () => sweep.connections.delete(live));
    });
  });
  const url = `${http.url.replace("http", "ws")}${nativePath}`;
  return {
    name: "native-websocket",
    listeners: [{ url, purpose: "native protocol over WebSocket: browsers and programs" }],
    stop: async () => {
      sweep.stop();
      http.offUpgrade(nativePath);
    },
  };
}

/** A client that offers subprotocols must offer ours (RFC 6455, section 4.1); one that offers none is welcome. */
function offersUs({ headers }: IncomingMessage): boolean {
  const offered = headers["sec-websocket-protocol"];
  return offered === undefined || offered.split(",").some((protocol) => protocol.trim() === subprotocol);
}

function addressOf({ socket }: IncomingMessage): string {
  return `${socket.remoteAddress}:${socket.remotePort}`;
}

function open(
  core: Core,
  log: GatewayLog,
  webSocket: WebSocket,
  socket: Duplex,
  outbox: Outbox,
  address: string,
): Live {
  const limitHello = helloLimit(socket as Duplex & { bytesRead: number }, () =>
    connection.refuse(fail("frame_too_large", "too much before hello").fault),
  );
  const connection = new NativeConnection(
    core,
    {
      info: { gateway: "native-websocket", address },
      outbox,
      encodeShared,
      limitFrames: (maxBytes) => limitHello(maxBytes === helloFrameBytes),
      pause: () => webSocket.pause(),
      resume: () => webSocket.resume(),
      end: (code, reason) => webSocket.close(code, reason),
    },
    log,
  );
  webSocket.on("message", (data: Buffer, isBinary: boolean) => {
    if (isBinary) connection.refuse(fail("bad_frame", "frames of this protocol are text").fault);
    else connection.receive(data.toString());
  });
  const live: Live = { connection, webSocket, silentSweeps: 0, idle: () => connection.idle() };
  webSocket.on("pong", () => {
    live.silentSweeps = 0;
  });
  webSocket.on("error", () => {});
  webSocket.on("close", () => connection.gone());
  return live;
}

/** Bounds what a peer may send before it is logged in: `ws` knows only one limit, that of later frames. */
function helloLimit(socket: Duplex & { bytesRead: number }, exceeded: () => void): (on: boolean) => void {
  const start = socket.bytesRead;
  const check = () => {
    if (socket.bytesRead - start <= helloFrameBytes) return;
    socket.off("data", check);
    exceeded();
  };
  return (on) => {
    if (on) socket.prependListener("data", check);
    else socket.off("data", check);
  };
}
