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

/** What the wire of a peer tells. A class: an object of closures costs each connection several times as much memory. */
class PeerEvents implements WebSocketEvents {
  readonly #peer: WebSocketPeer;
  readonly #connected: Set<Participant>;
  readonly #isBounded: IsBounded;

  constructor(peer: WebSocketPeer, connected: Set<Participant>, isBounded: IsBounded) {
    this.#peer = peer;
    this.#connected = connected;
    this.#isBounded = isBounded;
  }

  text(text: string, bytes: number): void {
    this.#peer.participant.counted(bytes);
    this.#peer.text(text, bytes);
  }

  binary(bytes: Buffer): void {
    this.#peer.participant.counted(bytes.length);
    this.#peer.binary(bytes);
  }

  heard(): void {
    this.#peer.participant.heard();
  }

  control(): void {
    this.#peer.participant.controlled();
  }

  drained(): void {
    this.#peer.participant.drained();
  }

  gone(): void {
    this.#connected.delete(this.#peer.participant);
    this.#peer.participant.gone();
  }

  admits(): boolean {
    const { participant } = this.#peer;
    if (!this.#isBounded(participant)) return true;
    participant.close(helloTooLarge.code, helloTooLarge.message);
    return false;
  }
}

/** Whether the participant may send only frames as short as a hello. */
type IsBounded = (participant: Participant) => boolean;

/** Adds the peer to those who are connected, until it is gone; what its wire is to tell is returned. */
export function connectPeer(
  peer: WebSocketPeer,
  connected: Set<Participant>,
  isBounded: IsBounded = () => false,
): WebSocketEvents {
  connected.add(peer.participant);
  return new PeerEvents(peer, connected, isBounded);
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
  // Where names are given for the asking the bound ends as soon as a login is begun: what follows it may be in the same packet.
  const isBounded: IsBounded = ({ hasNamedItself, session }) =>
    openLogin ? loginFirst === true && !hasNamedItself : session === undefined;
  const connect = (wire: Wire) => connectPeer(open(wire, connections), connections, isBounded);
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
