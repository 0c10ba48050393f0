/**
 * The WebSocket transport, on the platform's own `WebSocket` (browsers, Node 24): one JSON object per text frame,
 * subprotocol `parley.v1` (PROTOCOL.md, "WebSocket"). The only transport of the browser path.
 */
import type { Transport, TransportConnection, TransportEvents } from "./transport.ts";

/** Subprotocol name of the native protocol. */
const subprotocol = "parley.v1";
/** Where servers listen when the URL names no path. */
const defaultPath = "/v1/ws";
const normalClosure = 1000;

/** Carries the protocol over a WebSocket. `ws://host:port` without a path means `/v1/ws`. */
export function webSocketTransport(): Transport {
  return { connect: (url, events) => openWebSocket(completeUrl(url), events) };
}

function completeUrl(url: string): string {
  const parsed = new URL(url);
  if (parsed.pathname === "/" || parsed.pathname === "") parsed.pathname = defaultPath;
  return parsed.href;
}

function openWebSocket(url: string, events: TransportEvents): TransportConnection {
  const socket = new WebSocket(url, subprotocol);
  let over = false;
  let failure = "";
  socket.onopen = () => {
    if (!over) events.opened();
  };
  socket.onmessage = (event: MessageEvent) => {
    if (!over) events.received(typeof event.data === "string" ? event.data : "");
  };
  socket.onerror = (event: Event) => {
    failure = "message" in event && typeof event.message === "string" ? event.message : "";
  };
  socket.onclose = (event: CloseEvent) => {
    if (over) return;
    over = true;
    events.closed(event.reason || failure || `the WebSocket closed (${event.code})`);
  };
  return {
    send(text) {
      if (!over && socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: () => socket.close(normalClosure),
    abort() {
      over = true;
      socket.close();
    },
  };
}
