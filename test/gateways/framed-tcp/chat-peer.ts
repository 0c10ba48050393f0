/**
 * One connection to `framed-tcp` as a test sees it: bytes over a bare socket, and every payload that the server sends, in
 * order and nothing left out. Waits have an end, so that a server that says nothing fails the test.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { reset } from "../../support/reset.ts";

const patienceMs = 5_000;

/** A frame by hand: the length as it is said, whatever the payload. */
export function frame(payload: string | Uint8Array, length = Buffer.byteLength(payload)): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(length);
  return Buffer.concat([header, Buffer.from(payload)]);
}

export const chat = (text: string, username: unknown = ["127.0.0.1", 40312]) =>
  JSON.stringify({ type: "chat", username, text });
export const command = (cmd: string, value?: string) => JSON.stringify({ type: "command", cmd, value });

/** What the server says itself, in the structured form. */
export const system = (text: string) => JSON.stringify({ type: "system", username: "server", text });
/** A line as the others get it. */
export const said = (username: string, text: string, more: object = {}) =>
  JSON.stringify({ type: "chat", username, text, ...more });

export class ChatPeer {
  readonly socket: Socket;
  /** Payloads that nobody has taken yet. */
  readonly #inbox: string[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  ended = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("close", () => {
      this.ended = true;
      this.#wake();
    });
  }

  static async connect(port: number): Promise<ChatPeer> {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    const peer = new ChatPeer(socket);
    await once(socket, "connect");
    return peer;
  }

  /** Connects, and is somebody once it returns. */
  static async named(port: number, name: string): Promise<ChatPeer> {
    const peer = await ChatPeer.connect(port);
    peer.send(command("/rename", name));
    await peer.until(system(`you are now ${name}`));
    return peer;
  }

  /** Connects, and is in the lobby once it returns. Asks in the form that it is to be answered in. */
  static async guest(port: number, asks = command("list")): Promise<ChatPeer> {
    const peer = await ChatPeer.connect(port);
    peer.send(asks);
    await peer.next();
    return peer;
  }

  #take(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    for (;;) {
      if (this.#bytes.length < 4) break;
      const end = 4 + this.#bytes.readUInt32BE();
      if (this.#bytes.length < end) break;
      this.#inbox.push(this.#bytes.toString("utf8", 4, end));
      this.#bytes = this.#bytes.subarray(end);
    }
    this.#wake();
  }

  /** Sends these payloads, a frame each, in one write. */
  send(...payloads: readonly string[]): void {
    this.write(Buffer.concat(payloads.map((payload) => frame(payload))));
  }

  write(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  async next(timeoutMs = patienceMs): Promise<string> {
    for (;;) {
      const first = this.#inbox.shift();
      if (first !== undefined) return first;
      if (this.ended) throw new Error("the connection ended");
      await this.#change(timeoutMs);
    }
  }

  /** The next payloads, which have to be these. */
  async expect(...payloads: readonly string[]): Promise<void> {
    for (const payload of payloads) assert.equal(await this.next(), payload);
  }

  /** Takes payloads up to this one, which it returns with those before it. */
  async until(payload: string, timeoutMs = patienceMs): Promise<string[]> {
    const taken: string[] = [];
    do taken.push(await this.next(timeoutMs));
    while (taken.at(-1) !== payload);
    return taken;
  }

  /** Asks something that is answered, and fails where anything else comes before the answer. */
  async hasNothing(): Promise<void> {
    this.send(command("nonsense"));
    const answer = await this.next();
    assert.match(answer, /unknown command/);
  }

  /** Everything received that nobody has taken yet. */
  take(): string[] {
    return this.#inbox.splice(0);
  }

  /** Resolves when the server has closed the connection. */
  async untilEnded(timeoutMs = patienceMs): Promise<void> {
    while (!this.ended) await this.#change(timeoutMs);
  }

  /** Cuts the connection without a word. */
  async cut(): Promise<void> {
    reset(this.socket);
    await this.untilEnded();
  }

  async #change(timeoutMs: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const late = () => reject(new Error(`the server said nothing for ${timeoutMs} ms`));
    const timer = setTimeout(late, timeoutMs);
    await promise.finally(() => clearTimeout(timer));
  }
}
