/** Every listener that is fuzzed: how a connection of it is cut into units that can be changed one by one, and its port. */
import type { Ports } from "../gateways/matrix/ways.ts";

/** What carries a recording: units are HTTP requests, WebSocket frames behind a handshake, frames with a length, datagrams. */
export type Carrier = "http" | "websocket" | "length" | "lines" | "datagram";

export interface FuzzedListener {
  /** Recordings are in files that begin with it. */
  readonly name: string;
  readonly carrier: Carrier;
  readonly port: (ports: FuzzPorts) => number;
}

export interface FuzzPorts extends Ports {
  readonly udpDiscovery: number;
  /** Of a gateway with a planted bug, where there is one. */
  readonly planted: number;
}

export const fuzzedListeners: readonly FuzzedListener[] = [
  { name: "native-websocket", carrier: "websocket", port: ({ http }) => http },
  { name: "native-tcp", carrier: "length", port: ({ tcp }) => tcp },
  { name: "peer-json", carrier: "websocket", port: ({ peerJson }) => peerJson },
  { name: "push-websocket", carrier: "websocket", port: ({ http }) => http },
  { name: "push-http", carrier: "http", port: ({ http }) => http },
  { name: "http-api", carrier: "http", port: ({ http }) => http },
  { name: "framed-tcp", carrier: "length", port: ({ framedTcp }) => framedTcp },
  { name: "device-text", carrier: "websocket", port: ({ deviceText }) => deviceText },
  { name: "udp-agent", carrier: "datagram", port: ({ udp }) => udp },
  { name: "udp-discovery", carrier: "datagram", port: ({ udpDiscovery }) => udpDiscovery },
];

/** The gateway of `planted-gateways.ts`. */
export const plantedListener: FuzzedListener = { name: "planted", carrier: "lines", port: ({ planted }) => planted };
