/**
 * WebSocket for gateways, over the socket of an upgrade: frames in by our receiver, frames out by the outbox, one write a
 * turn, and the closing handshake (RFC 6455, section 7). Hot path.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Connection } from "../core/connection.ts";
import type { Allowance } from "../core/limits/allowance.ts";
import { refuseUpgrade } from "../http/upgrade-refusal.ts";
import { allowanceOf } from "./doors.ts";
import { FrameProgress } from "./frame-progress.ts";
import { Outbox } from "./outbox.ts";
import { type Reader, readFrom } from "./shared-reads.ts";
import { type CloseCode, closePayload } from "./websocket-closing.ts";
import { controlFrame, opcodes, webSocketText } from "./websocket-framing.ts";
import { answerHandshake } from "./websocket-handshake.ts";
import { type ReceivedFrames, WebSocketReceiver } from "./websocket-receiver.ts";
import { lingerMs, type Wire, type WireEvents } from "./wire.ts";

export interface WebSocketAcceptorOptions {
  readonly gateway: string;
  /** Longest message in bytes, whole; longer ones end the connection with 1009. */
  readonly maxPayload: number;
  readonly maxOutboxBytes: number;
  /** How long a peer may be silent: what counts as a sign of life depends on it. */
  readonly idleMs: number;
  /** Offered to clients that offer it. */
  readonly subprotocol?: string;
}

export interface WebSocketEvents extends WireEvents {
  /** A text message of `bytes` bytes. */
  text(text: string, bytes: number): void;
  /** The bytes are valid during the call. */
  binary(bytes: Buffer): void;
  /** A frame of the carrier's own: a ping or a pong. */
  control(): void;
  /**
   * Whether a message of so many bytes may come, which are more than a hello has (`helloFrameBytes`): asked before memory
   * is taken for it. False: the gateway has told the peer why not, and ended the wire. Without it all may come.
   */
  admits?(bytes: number): boolean;
}

export class WebSocketAcceptor {
  readonly #options: WebSocketAcceptorOptions;

  constructor(options: WebSocketAcceptorOptions) {
    this.#options = options;
  }

  /** Completes the handshake; `open` is then given the wire and returns who is told. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, open: (wire: Wire) => WebSocketEvents): void {
    const answer = answerHandshake(request, this.#options.subprotocol);
    if (!answer.accepted) return refuseUpgrade(socket, answer.status, answer.reason, answer.headers);
    // A peer that has closed its side already cannot close a WebSocket in good order.
    if (!socket.readable || !socket.writable) return void socket.destroy();
    socket.write(answer.head);
    if (head.length > 0) socket.unshift(head);
    const wire = new WebSocketWire(request.socket, this.#options);
    wire.start(open(wire));
  }
}

const wireKey = Symbol("wire");
type Carrier = Socket & { [wireKey]?: WebSocketWire };

// One listener for all sockets: a closure for each is memory of every connection.
function tellEnd(this: Carrier): void {
  this[wireKey]?.halfClosed();
}

function tellClose(this: Carrier): void {
  this[wireKey]?.gone();
}

const pingFrame = controlFrame(opcodes.ping);

class WebSocketWire implements Wire, ReceivedFrames, Reader {
  readonly info: Connection["info"];
  readonly outbox: Outbox;
  readonly allowance: Allowance | undefined;
  readonly #socket: Socket;
  readonly #receiver: WebSocketReceiver;
  readonly #progress: FrameProgress;
  /** None any more once they were told that the peer is gone. */
  #events: WebSocketEvents | undefined;
  /** The answer to the latest ping, while the peer does not take what is written (section 5.5.3). */
  #owedPong: Buffer | undefined;
  #closing = false;
  #linger: NodeJS.Timeout | undefined;

  constructor(socket: Socket, { gateway, maxPayload, maxOutboxBytes, idleMs }: WebSocketAcceptorOptions) {
    this.#socket = socket;
    this.info = { gateway, address: `${socket.remoteAddress}:${socket.remotePort}` };
    this.outbox = new Outbox(socket, webSocketText, maxOutboxBytes, this);
    this.allowance = allowanceOf(socket);
    this.#receiver = new WebSocketReceiver(maxPayload, this);
    this.#progress = new FrameProgress(idleMs);
  }

  /** Reads from now on, and tells. */
  start(events: WebSocketEvents): void {
    if (this.#closing) events.gone();
    else this.#events = events;
    const socket: Carrier = this.#socket;
    socket[wireKey] = this;
    socket.setTimeout(0).on("end", tellEnd).on("close", tellClose);
    readFrom(socket, this);
  }

  // As the gateway's

  pause(): void {
    if (!this.#closing) this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  probe(): void {
    this.outbox.push(pingFrame);
  }

  end(code: number, reason?: string): void {
    if (!this.#closing) this.#close(closePayload(code, reason));
  }

  // As the receiver's

  text(text: string, bytes: number): void {
    this.#events?.text(text, bytes);
  }

  binary(bytes: Buffer): void {
    this.#events?.binary(bytes);
  }

  ping(payload: Buffer): void {
    if (this.#closing) return;
    const pong = controlFrame(opcodes.pong, payload);
    if (this.outbox.full) this.#owedPong = pong;
    else this.outbox.push(pong);
    this.#events?.control();
  }

  pong(): void {
    this.#events?.control();
  }

  closed(payload: Buffer): void {
    if (!this.#closing) this.#close(payload);
    this.#socket.end();
  }

  failed(code: CloseCode): void {
    this.end(code);
    this.#socket.end();
  }

  admits(bytes: number): boolean {
    const isAdmitted = this.#events?.admits?.(bytes) ?? true;
    // Its answer to the close frame would be behind what is not read any more.
    if (!isAdmitted) this.#socket.end();
    return isAdmitted;
  }

  // As the socket's

  data(bytes: Buffer, length: number): void {
    const isWhole = this.#receiver.push(bytes, length);
    if (this.#progress.took(length, isWhole)) this.#events?.heard();
  }

  /** The peer sends no more, without a close frame. */
  halfClosed(): void {
    if (!this.#closing) this.#leave();
    this.#socket.end();
  }

  gone(): void {
    this.#closing = true;
    clearTimeout(this.#linger);
    this.#gone();
  }

  // As the outbox's

  drained(): void {
    const pong = this.#owedPong;
    this.#owedPong = undefined;
    if (pong) this.outbox.push(pong);
    this.#events?.drained();
  }

  /** Sends a close frame, after which nothing may follow (section 5.5.1), and gives the peer some time to answer it. */
  #close(payload: Buffer): void {
    this.#leave();
    this.#socket.write(controlFrame(opcodes.close, payload));
    // A peer that was not read from could not answer.
    this.#socket.resume();
  }

  /** Writes what is queued and nothing more; in some time the connection is over, whatever the peer does. */
  #leave(): void {
    this.#closing = true;
    this.#gone();
    this.outbox.close();
    this.#linger = setTimeout(() => this.#socket.destroy(), lingerMs).unref();
  }

  #gone(): void {
    const events = this.#events;
    this.#events = undefined;
    events?.gone();
  }
}
