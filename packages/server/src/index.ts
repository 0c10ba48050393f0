/**
 * What programs that embed the server stand on, and gateways of one's own (CONTRIBUTING.md, "Add a gateway"). Everything
 * else is the server's own and may change.
 */

export { AuthenticationRefused } from "./auth/refusal.ts";
export { loadConfig } from "./config.ts";
export type { ErrorLog, Log, LogFields } from "./core/log.ts";
export type { Entry } from "./engine/entry.ts";
export { encodeOne, type Framing } from "./gateway/frames.ts";
export type { Gateway, GatewayContext, GatewayLog, Listener, StartGateway } from "./gateway/gateway.ts";
export { IdleSweep } from "./gateway/idle-sweep.ts";
export { lengthPrefix } from "./gateway/length-prefix.ts";
export { Participant, type Speech, type Told } from "./gateway/participant.ts";
export { type Rendered, render } from "./gateway/rendering.ts";
export { listenTcp, tcpWire } from "./gateway/tcp-wire.ts";
export { webSocketText } from "./gateway/websocket-framing.ts";
export { WebSocketAcceptor } from "./gateway/websocket-wire.ts";
export type { Wire, WireEvents } from "./gateway/wire.ts";
export { HttpListener } from "./http/http-listener.ts";
export { type RunningServer, type ServerParts, startServer } from "./server.ts";
