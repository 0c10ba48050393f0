/** UDP for gateways: sockets that are bound, and closed together; multicast groups; which addresses are this machine. */
import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";

/** Asked of the operating system, which may give less: room for datagrams that come while something else is done. */
const recvBufferSize = 4 * 1024 * 1024;

export class UdpSockets {
  readonly #onError: (error: unknown) => void;
  readonly #sockets: Socket[] = [];
  /** Nothing can be sent any more. */
  closed = false;

  /** `onError` is told of errors of sockets that are bound. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Rejects where the address cannot be had. */
  async bind(address: string, port: number): Promise<Socket> {
    const socket = createSocket({ type: isIPv6(address) ? "udp6" : "udp4", recvBufferSize });
    this.#sockets.push(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject).bind(port, address, () => {
        socket.off("error", reject);
        resolve();
      });
    });
    return socket.on("error", this.#onError);
  }

  /**
   * Receives what is sent to the group: on `bound` and every interface where that is bound to all addresses; else on the
   * host's interface and a socket that is bound to the group, because one that is bound to a host's address is not given
   * such datagrams. Rejects where the group cannot be joined.
   */
  async join(group: string, host: string, bound: Socket): Promise<Socket | undefined> {
    const { address, family, port } = bound.address();
    if (family !== "IPv4") throw new Error(`udpAgent.multicastGroup needs an IPv4 host, not ${host}`);
    if (address === "0.0.0.0") {
      const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
      for (const { family, address } of interfaces) if (family === "IPv4") bound.addMembership(group, address);
      return undefined;
    }
    const socket = await this.bind(group, port);
    socket.addMembership(group, address);
    return socket;
  }

  /** Resolves when the ports are free. */
  async close(): Promise<void> {
    this.closed = true;
    const close = (socket: Socket) => new Promise<void>((resolve) => socket.close(() => resolve()));
    await Promise.all(this.#sockets.splice(0).map(close));
  }
}

/** RFC 1122, section 3.2.1.3 (g), and RFC 4291, section 2.5.3: such a source is this machine. */
export function isLoopback(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127\./.test(address);
}
