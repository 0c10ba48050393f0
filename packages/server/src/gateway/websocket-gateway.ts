/**
 * A gateway of participants over WebSocket that has a listener for itself and serves every path of it: what such gateways
 * have in common beside the participants themselves.
 */
import type { Socket } from "node:net";
import type { Core } from "../core/core.ts";
import type { HttpListener } from "../http/http-listener.ts";
import type { Gateway } from "./gateway.ts";
import { HelloLimit, helloTooLarge } from "./hello-limit.ts";
import { IdleSweep } from "./idle-sweep.ts";
import type { Participant } from "./participant.ts";
import { WebSocketAcceptor, type WebSocketEvents } from "./websocket-wire.ts";
import type { Wire } from "./wire.ts";

export interface WebSocketGatewayOptions extends Pick<Gateway, "name"> {
  /** As in `Listener`. */
  readonly purpose: string;
  readonly core: Core;
  /** Stops with the gateway. */
  readonly http: HttpListener;
  readonly maxOutboxBytes: number;
}

/** One connection: who is on it, and what becomes of its frames. */
export interface WebSocketPeer extends Pick<WebSocketEvents, "text" | "binary"> {
  readonly participant: Participant;
}

/** Adds the peer to those who are connected, until it is gone; what its wire is to tell is returned. */
export function connectPeer(
  { participant, text, binary }: WebSocketPeer,
  connected: Set<Participant>,
): WebSocketEvents {
  connected.add(participant);
  return {
    text,
    binary,
    heard: () => participant.heard(),
    drained: () => participant.drained(),
    gone: () => {
      connected.delete(participant);
      participant.gone();
    },
  };
}

/** The same for a peer that has to log in first: until then its frames are short, or it is closed. */
function connectStranger(peer: WebSocketPeer, connected: Set<Participant>, socket: Socket): WebSocketEvents {
  const { participant } = peer;
  const refuse = () => participant.close(helloTooLarge.code, helloTooLarge.message);
  const limit = new HelloLimit(socket, () => isStranger() && refuse());
  const isStranger = () => {
    limit.set(participant.session === undefined);
    return participant.session === undefined;
  };
  limit.set(true);
  const events = connectPeer(peer, connected);
  const fits = (bytes: number) => !isStranger() || limit.took(bytes);
  return {
    ...events,
    text: (text, bytes) => (fits(bytes) ? events.text(text, bytes) : refuse()),
    binary: (bytes) => (fits(bytes.length) ? events.binary(bytes) : refuse()),
  };
}

/** Serves; `open` is called for each connection, with all that there are, to which the new one is about to be added. */
export function startWebSocketGateway(
  { name, purpose, core, http, maxOutboxBytes }: WebSocketGatewayOptions,
  open: (wire: Wire, connected: ReadonlySet<Participant>) => WebSocketPeer,
): Gateway {
  const { maxFrameBytes, idleMs } = core.limits;
  const acceptor = new WebSocketAcceptor({ gateway: name, maxPayload: maxFrameBytes, maxOutboxBytes, idleMs });
  const sweep = new IdleSweep<Participant>(idleMs, (participant) => participant.probe());
  const { connections } = sweep;
  const connect = (wire: Wire, socket: Socket) => {
    const peer = open(wire, connections);
    return core.openLogin ? connectPeer(peer, connections) : connectStranger(peer, connections, socket);
  };
  http.onUpgrade("*", (request, socket, head) => acceptor.accept(request, socket, head, connect));
  return {
    name,
    listeners: [{ url: http.url.replace("http", "ws"), purpose }],
    stop: () => {
      sweep.stop();
      for (const participant of connections) participant.stop();
      return http.stop();
    },
  };
}
