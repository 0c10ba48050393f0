/**
 * The gateway of the Chat App: everybody who connects is in one chat, over TCP, in length-prefixed frames of text or JSON
 * (docs/gateways/framed-tcp.md).
 */
import type { Fault } from "@parley/protocol";
import { encodeOne } from "../frames.ts";
import type { Gateway, GatewayContext } from "../gateway.ts";
import { lengthPrefix } from "../length-prefix.ts";
import { listenTcp } from "../tcp-wire.ts";
import { ChatConnection } from "./chat-connection.ts";
import { systemLine } from "./codec.ts";
import { Names } from "./names.ts";

const name = "framed-tcp";

export interface FramedTcpOptions extends GatewayContext {
  readonly port: number;
  readonly maxFrameBytes: number;
}

/**
 * Listens. Rejects where the address cannot be had. Who is silent stays: the protocol has no sign of life to ask for, and
 * a peer that has vanished is found by the operating system.
 */
export async function startFramedTcp(options: FramedTcpOptions): Promise<Gateway> {
  const names = new Names(options.core);
  const connections = new Set<ChatConnection>();
  const refusal = ({ message }: Fault) => encodeOne(systemLine("structured", message), lengthPrefix);
  const { url, stop } = await listenTcp({ ...options, name, refusal }, (socket) => {
    const connection = new ChatConnection(socket, { ...options, gateway: name, names });
    connections.add(connection);
    void connection.done.then(() => connections.delete(connection));
  });
  return {
    name,
    listeners: [
      { url, purpose: "one chat for all in length-prefixed frames: what one says, all others in #lobby hear" },
    ],
    stop: async () => {
      const stopped = stop();
      for (const { participant } of connections) participant.stop();
      await Promise.all([stopped, ...[...connections].map(({ done }) => done)]);
    },
  };
}
