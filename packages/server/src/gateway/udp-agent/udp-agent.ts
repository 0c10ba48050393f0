/**
 * The gateway of Message Agent: agents that say everything in single datagrams of JSON (docs/gateways/udp-agent.md). One
 * socket for messages, from which every answer comes, and one where agents find the broker.
 */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import type { Core } from "../../core/core.ts";
import { authority } from "../../http/authority.ts";
import type { Doors } from "../doors.ts";
import type { Gateway, GatewayLog } from "../gateway.ts";
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
/** Asked of the operating system, which may give less: room for datagrams that come while something else is done. */
const recvBufferSize = 4 * 1024 * 1024;

/** Listens. Rejects where an address cannot be had. */
export async function startUdpAgent(options: UdpAgentOptions): Promise<UdpAgentGateway> {
  const { host, port, discoveryPort, multicastGroup, isLocal = isLoopback, log } = options;
  const sockets: Socket[] = [];
  const listen = async (at: string, wanted: number) => {
    const socket = createSocket({ type: isIPv6(at) ? "udp6" : "udp4", recvBufferSize });
    sockets.push(socket);
    await bind(socket, wanted, at);
    return socket.on("error", (error) => log.error(`${name} socket`, error));
  };
  let stopped = false;
  const stop = async () => {
    stopped = true;
    await Promise.all(sockets.splice(0).map(close));
  };
  try {
    const messages = await listen(host, port);
    const discovery = await listen(host, discoveryPort);
    const group = multicastGroup && (await joinGroup(multicastGroup, host, discovery, listen));
    const ownPort = messages.address().port;
    const sendTo: SendTo = (datagram, to, address, done) => {
      if (!stopped) messages.send(datagram, to, address, (error) => done(!error));
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
        return stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function bind(socket: Socket, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject).bind(port, address, () => {
      socket.off("error", reject);
      resolve();
    });
  });
}

function close(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
}

/**
 * Receives what is sent to the group: on the discovery socket and every interface where that is bound to all addresses;
 * else on the host's interface and a socket that is bound to the group, because one that is bound to a host's address is
 * not given such datagrams.
 */
async function joinGroup(
  group: string,
  host: string,
  discovery: Socket,
  listen: (address: string, port: number) => Promise<Socket>,
): Promise<Socket | undefined> {
  const { address, family, port } = discovery.address();
  if (family !== "IPv4") throw new Error(`udpAgent.multicastGroup needs an IPv4 host, not ${host}`);
  if (address === "0.0.0.0") {
    const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    for (const { family, address } of interfaces) if (family === "IPv4") discovery.addMembership(group, address);
    return undefined;
  }
  const socket = await listen(group, port);
  socket.addMembership(group, address);
  return socket;
}

/** RFC 1122, section 3.2.1.3 (g), and RFC 4291, section 2.5.3: such a source is this machine. */
function isLoopback(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127\./.test(address);
}
