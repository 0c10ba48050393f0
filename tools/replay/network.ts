/**
 * The network of one participant, which can be cut: the socket is destroyed without a goodbye, and until it is mended
 * no attempt to connect succeeds. Wraps the transports that applications use, so that what runs is what they run.
 */
import type { Socket } from "node:net";
import type { Transport, TransportConnection, TransportEvents } from "@parley/client";
import { nodeTransport } from "@parley/client/node";
import { reset } from "../../test/support/reset.ts";
import type { SocketFinder } from "./socket-finder.ts";

export class Network implements Transport {
  readonly #inner = nodeTransport();
  readonly #finder: SocketFinder;
  #connection: CuttableConnection | undefined;
  #isCut = false;
  /** Messages that arrived, repeats included. */
  received = 0;

  constructor(finder: SocketFinder) {
    this.#finder = finder;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  connect(url: string, events: TransportEvents): TransportConnection {
    if (this.#isCut) return unreachable(events);
    const connection = new CuttableConnection(events, () => (this.received += 1));
    connection.open(this.#inner, url, url.startsWith("tcp:") ? undefined : this.#finder);
    this.#connection = connection;
    return connection;
  }

  cut(): void {
    this.#isCut = true;
    this.#connection?.cut();
  }

  mend(): void {
    this.#isCut = false;
  }
}

/** What a network that is down gives. */
function unreachable(events: TransportEvents): TransportConnection {
  const timer = setImmediate(() => events.closed("cut off"));
  return { send: () => {}, close: () => {}, abort: () => clearImmediate(timer) };
}

/** How the server writes a message; a page of history does not begin like this. */
const messagePrefix = '{"op":"message"';

class CuttableConnection implements TransportConnection {
  readonly #events: TransportEvents;
  readonly #countMessage: () => void;
  #inner: TransportConnection | undefined;
  #socket: Socket | undefined;
  #isOpen = false;
  /** Nothing is passed on any more, either way. */
  #over = false;
  #aborted = false;
  #isTcp = false;

  constructor(events: TransportEvents, countMessage: () => void) {
    this.#events = events;
    this.#countMessage = countMessage;
  }

  open(transport: Transport, url: string, finder: SocketFinder | undefined): void {
    this.#isTcp = finder === undefined;
    this.#inner = transport.connect(url, {
      opened: () => {
        finder?.opening((socket) => {
          this.#socket = socket;
        });
        this.#isOpen = true;
        if (!this.#over) this.#events.opened();
      },
      received: (text) => {
        if (this.#over) return;
        if (text.startsWith(messagePrefix)) this.#countMessage();
        this.#events.received(text);
      },
      closed: (reason) => this.#closed(reason),
    });
  }

  send(text: string): void {
    if (!this.#over) this.#inner?.send(text);
  }

  close(): void {
    if (!this.#over) this.#inner?.close();
  }

  abort(): void {
    this.#over = true;
    this.#aborted = true;
    this.#inner?.abort();
  }

  cut(): void {
    if (this.#over) return;
    if (!this.#isTcp && this.#isOpen && !this.#socket)
      throw new Error("the socket of a WebSocket was not found, so it cannot be cut (see socket-finder.ts)");
    this.#over = true;
    if (this.#socket) reset(this.#socket);
    this.#inner?.abort();
    setImmediate(() => {
      if (!this.#aborted) this.#events.closed("cut off");
    });
  }

  #closed(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.closed(reason);
  }
}
