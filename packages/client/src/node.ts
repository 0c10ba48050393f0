/**
 * `@parley/client/node`: what needs Node. Nothing on the browser path imports this file.
 */
import { type FilePersistenceOptions, filePersistence } from "./file-persistence.ts";
import { type TcpTransportOptions, tcpTransport } from "./tcp-transport.ts";
import type { Transport } from "./transport.ts";
import { webSocketTransport } from "./websocket-transport.ts";

export { type FilePersistenceOptions, filePersistence, type TcpTransportOptions, tcpTransport };

/** Takes `tcp://` and `tls://` URLs over TCP and `ws://`, `wss://` URLs over WebSocket. */
export function nodeTransport(options: TcpTransportOptions = {}): Transport {
  const tcp = tcpTransport(options);
  const webSocket = webSocketTransport();
  return { connect: (url, events) => (/^t(cp|ls):/i.test(url) ? tcp : webSocket).connect(url, events) };
}
