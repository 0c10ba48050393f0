/**
 * The gateway of Message Agent: agents that say everything in single datagrams of JSON (docs/gateways/udp-agent.md). One
 * socket for messages, from which every answer comes, and one where agents find the broker.
 */
import type { RemoteInfo } from "node:dgram";
import type { Core } from "../../core/core.ts";
import { authority } from "../../http/authority.ts";
import type { Doors } from "../doors.ts";
import type { Gateway, GatewayLog } from "../gateway.ts";
import { isLoopback, UdpSockets } from "../udp-sockets.ts";
import { Broker, type SendTo } from "./broker.ts";
import { parseDatagram } from "./codec.ts";

export interface UdpAgentOptions {
  readonly core: Core;
  readonly host: string;
  readonly port: number;
  readonly discoveryPort: number;
  /** An IPv4 multicast group where agents may look for the broker, on the discovery port; "": none. */
  readonly multicastGroup: string;
  readonly inactivityMs: number;
  /** Longest datagram that is sent. Any that comes is read. */
  readonly maxDatagramBytes: number;
  readonly maxOutboxBytes: number;
  readonly log: GatewayLog;
  readonly doors?: Doors | undefined;
  /** Whether nobody elsewhere can send in the name of that address; loopback unless given. */
  readonly isLocal?: (address: string) => boolean;
}

export interface UdpAgentGateway extends Gateway {
  /** Datagrams since the start: all that came, of them those that were no message, and those that were refused. */
  readonly datagrams: { readonly received: number; readonly malformed: number; readonly refused: number };
}

const name = "udp-agent";
/** Listens. Rejects where an address cannot be had. */
export async function startUdpAgent(options: UdpAgentOptions): Promise<UdpAgentGateway> {
  const { host, port, discoveryPort, multicastGroup, isLocal = isLoopback, log } = options;
  const sockets = new UdpSockets((error) => log.error(`${name} socket`, error));
  try {
    const messages = await sockets.bind(host, port);
    const discovery = await sockets.bind(host, discoveryPort);
    const group = multicastGroup && (await sockets.join(multicastGroup, host, discovery));
    const ownPort = messages.address().port;
    const sendTo: SendTo = (datagram, to, address, done) => {
      if (!sockets.closed) messages.send(datagram, to, address, (error) => done(!error));
    };
    const broker = new Broker({ ...options, isLocal }, sendTo);
    const counts = { received: 0, malformed: 0 };
    const receive = (bytes: Buffer, { address, port: from }: RemoteInfo, only?: "log_in") => {
      counts.received += 1;
      // What a broker sends is nobody's request, not even where an agent said that it receives at a broker's port.
      const message = from === ownPort || from === 0 ? undefined : parseDatagram(bytes);
      if (!message || (only && message.id !== only)) {
        counts.malformed += 1;
        return;
      }
      try {
        broker.handle(message, { address, port: from, bytes: bytes.length });
      } catch (error) {
        log.error(`bug in ${name}`, error);
      }
    };
    messages.on("message", (bytes, from) => receive(bytes, from));
    for (const socket of [discovery, group])
      if (socket) socket.on("message", (bytes, from) => receive(bytes, from, "log_in"));
    const found = `udp://${authority(host, discovery.address().port)}`;
    return {
      name,
      listeners: [
        { url: `udp://${authority(host, ownPort)}`, purpose: "agents that send JSON datagrams" },
        { url: found, purpose: `where agents log in${multicastGroup && `, also by multicast to ${multicastGroup}`}` },
      ],
      get datagrams() {
        return { ...counts, refused: broker.refused };
      },
      stop: () => {
        broker.stop();
        return sockets.close();
      },
    };
  } catch (error) {
    await sockets.close();
    throw error;
  }
}
