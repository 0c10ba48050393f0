/**
 * One connection of a load generator: a bare socket, reads into memory that all connections share, frames counted without
 * being decoded. What a read holds is handed on at once, so that everything it gives rise to leaves in one write. Hot path:
 * a generator that is slower than the server measures itself.
 */
import { connect, type Socket } from "node:net";

/** What one read held. */
export interface Heard {
  /** Messages that somebody sent to this connection. */
  deliveries: number;
  /** Answers of the server to what this connection sent. */
  answers: number;
}

/** Told of each message by where it is: only where somebody wants to look into it. */
export type OnMessage = (bytes: Buffer, start: number, end: number) => void;

/**
 * Counts the whole frames in `bytes` up to `end` into `heard`; returns where the first that is not whole begins. Throws on
 * what the server should never have said: a benchmark of refusals is none.
 */
export type Scan = (bytes: Buffer, end: number, heard: Heard, onMessage?: OnMessage) => number;

export interface LinkEvents {
  /** Called once per read that held something. */
  heard(link: Link, heard: Heard): void;
  readonly onMessage?: OnMessage;
}

const readBytes = 1024 * 1024;
const shared = Buffer.allocUnsafeSlow(readBytes);
/** One for all: it is read before anything else can be heard. */
const heard: Heard = { deliveries: 0, answers: 0 };

/** What is said until a protocol's login is over, piece by piece. */
type Listener = (bytes: Buffer) => void;

export class Link {
  readonly #socket: Socket;
  /** The beginning of a frame whose end has not come. */
  #rest: Buffer | undefined;
  #scan: Scan | undefined;
  #events: LinkEvents | undefined;
  #listener: Listener = () => {};
  #ended = false;
  #whenEnded: (error: Error) => void = () => {};

  private constructor(open: (onread: (length: number) => boolean) => Socket) {
    this.#socket = open((length) => {
      this.#read(length);
      return true;
    });
    this.#socket.on("error", (error) => this.#end(error)).on("close", () => this.#end(new Error("the server hung up")));
  }

  /** Connects to a port of this machine. */
  static async open(port: number): Promise<Link> {
    const link = new Link((callback) =>
      connect({ host: "127.0.0.1", port, noDelay: true, onread: { buffer: shared, callback } }),
    );
    await new Promise<void>((resolve, reject) => {
      link.#whenEnded = reject;
      link.#socket.once("connect", resolve);
    });
    return link;
  }

  #end(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#whenEnded(error);
  }

  /** Resolves with what `find` makes of all that has come since the call; rejects when the server hangs up first. */
  expect<T>(find: (text: string) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      let text = "";
      this.#whenEnded = (error) => reject(new Error(`${error.message} after ${JSON.stringify(text)}`));
      this.#listener = (bytes) => {
        text += bytes.toString("latin1");
        const found = find(text);
        if (found === undefined) return;
        this.#listener = () => {};
        resolve(found);
      };
    });
  }

  /** From now on what comes is counted by `scan`. Whoever is hung up on then has measured nothing. */
  count(scan: Scan, events: LinkEvents): void {
    this.#scan = scan;
    this.#events = events;
    this.#whenEnded = (error) => {
      throw error;
    };
  }

  #read(length: number): void {
    if (!this.#scan || !this.#events) return this.#listener(shared.subarray(0, length));
    const rest = this.#rest;
    const bytes = rest ? Buffer.concat([rest, shared.subarray(0, length)]) : shared;
    const end = rest ? bytes.length : length;
    heard.deliveries = 0;
    heard.answers = 0;
    const whole = this.#scan(bytes, end, heard, this.#events.onMessage);
    this.#rest = whole < end ? Buffer.from(bytes.subarray(whole, end)) : undefined;
    if (heard.deliveries > 0 || heard.answers > 0) this.#events.heard(this, heard);
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  close(): void {
    this.#ended = true;
    this.#socket.destroy();
  }
}
