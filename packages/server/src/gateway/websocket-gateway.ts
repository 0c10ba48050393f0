/**
 * A gateway of participants over WebSocket that has a listener for itself and serves every path of it: what such gateways
 * have in common beside the participants themselves.
 */
import type { Core } from "../core/core.ts";
import type { HttpListener } from "../http/http-listener.ts";
import type { Gateway } from "./gateway.ts";
import { helloTooLarge } from "./hello-limit.ts";
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
  /** Peers say who they are before anything else, with open login too; until then their frames are short. */
  readonly loginFirst?: true;
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
    text: (frame, bytes) => {
      participant.counted(bytes);
      text(frame, bytes);
    },
    binary: (bytes) => {
      participant.counted(bytes.length);
      binary(bytes);
    },
    heard: () => participant.heard(),
    control: () => participant.controlled(),
    drained: () => participant.drained(),
    gone: () => {
      connected.delete(participant);
      participant.gone();
    },
  };
}

/**
 * Whether the peer is one whose frames are bounded as those of strangers. Where names are given for the asking the bound ends
 * as soon as a login is begun: what follows it may be in the same packet.
 */
function isStranger({ hasNamedItself, session }: Participant, openLogin: boolean): boolean {
  return openLogin ? !hasNamedItself : session === undefined;
}

/** Serves; `open` is called for each connection, with all that there are, to which the new one is about to be added. */
export function startWebSocketGateway(
  { name, purpose, core, http, maxOutboxBytes, loginFirst }: WebSocketGatewayOptions,
  open: (wire: Wire, connected: ReadonlySet<Participant>) => WebSocketPeer,
): Gateway {
  const { maxFrameBytes, idleMs } = core.limits;
  const acceptor = new WebSocketAcceptor({ gateway: name, maxPayload: maxFrameBytes, maxOutboxBytes, idleMs });
  const sweep = new IdleSweep<Participant>(idleMs, (participant) => participant.probe());
  const { connections } = sweep;
  const { openLogin } = core;
  const limitsStrangers = loginFirst || !openLogin;
  const connect = (wire: Wire): WebSocketEvents => {
    const peer = open(wire, connections);
    const { participant } = peer;
    const admits = () => {
      const isRefused = limitsStrangers && isStranger(participant, openLogin);
      if (isRefused) participant.close(helloTooLarge.code, helloTooLarge.message);
      return !isRefused;
    };
    return { ...connectPeer(peer, connections), admits };
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
