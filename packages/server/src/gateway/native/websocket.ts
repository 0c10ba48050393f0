/** `parley.v1` over WebSocket (PROTOCOL.md, "WebSocket"): `/v1/ws` on the HTTP listener. */
import type { IncomingMessage } from "node:http";
import { fail, helloFrameBytes } from "@parley/protocol";
import type { Core } from "../../core/core.ts";
import type { Entry } from "../../engine/entry.ts";
import type { HttpListener } from "../../http/http-listener.ts";
import { encodeOne } from "../frames.ts";
import type { Gateway, GatewayLog } from "../gateway.ts";
import { helloTooLarge } from "../hello-limit.ts";
import { IdleSweep } from "../idle-sweep.ts";
import { webSocketText } from "../websocket-framing.ts";
import { WebSocketAcceptor, type WebSocketEvents } from "../websocket-wire.ts";
import type { Wire } from "../wire.ts";
import { encodeEntry } from "./codec.ts";
import { type Carrier, NativeConnection } from "./native-connection.ts";

export const nativePath = "/v1/ws";
const subprotocol = "parley.v1";
const name = "native-websocket";

export interface NativeWebSocketOptions {
  readonly core: Core;
  readonly http: HttpListener;
  readonly maxOutboxBytes: number;
  readonly log: GatewayLog;
}

const encodeShared = (entry: Entry) => encodeOne(encodeEntry(entry), webSocketText);

/** Serves `/v1/ws` on the HTTP listener. */
export function startNativeWebSocket({ core, http, maxOutboxBytes, log }: NativeWebSocketOptions): Gateway {
  const { maxFrameBytes: maxPayload, idleMs } = core.limits;
  const acceptor = new WebSocketAcceptor({ gateway: name, maxPayload, maxOutboxBytes, idleMs, subprotocol });
  const sweep = new IdleSweep<NativeConnection>(idleMs, (connection) => connection.probe());
  http.onUpgrade(nativePath, (request, socket, head) => {
    if (!offersUs(request)) return http.refuseUpgrade(socket, 400, `the subprotocol is ${subprotocol}`);
    acceptor.accept(request, socket, head, (wire) => new Peer(core, log, wire, sweep));
  });
  const url = `${http.url.replace("http", "ws")}${nativePath}`;
  return {
    name,
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

/** One connection. A class: an object of closures costs each connection several times as much memory. */
class Peer implements WebSocketEvents, Carrier {
  readonly encodeShared = encodeShared;
  readonly #connection: NativeConnection;
  readonly #sweep: IdleSweep<NativeConnection>;
  #maxBytes = helloFrameBytes;

  constructor(core: Core, log: GatewayLog, wire: Wire, sweep: IdleSweep<NativeConnection>) {
    this.#connection = new NativeConnection(core, wire, this, log);
    this.#sweep = sweep;
    sweep.connections.add(this.#connection);
  }

  // As the connection's carrier

  limitFrames(maxBytes: number): void {
    this.#maxBytes = maxBytes;
  }

  // As who is told by the wire

  text(text: string, bytes: number): void {
    this.#connection.receive(text, bytes);
  }

  binary(): void {
    this.#connection.refuse(fail("bad_frame", "frames of this protocol are text").fault);
  }

  admits(bytes: number): boolean {
    if (bytes > this.#maxBytes) this.#connection.refuse(helloTooLarge);
    return bytes <= this.#maxBytes;
  }

  heard(): void {
    this.#connection.heard();
  }

  control(): void {
    this.#connection.controlled();
  }

  drained(): void {
    this.#connection.drained();
  }

  gone(): void {
    this.#sweep.connections.delete(this.#connection);
    this.#connection.gone();
  }
}
