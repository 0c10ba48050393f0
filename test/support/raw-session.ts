/**
 * The native protocol without the client library: one TCP connection, JSON in and out, nothing hidden. For tests that
 * ask what the server really said, and when.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type ClientMessage, encodeFrame, FrameDecoder, type ServerMessage } from "@parley/protocol";

const maxFrameBytes = 64 * 1024 * 1024;

export class RawSession {
  readonly socket: Socket;
  /** Everything received that `next` has not taken. */
  readonly received: ServerMessage[] = [];
  closed = false;
  readonly #waiting: (() => void)[] = [];
  #onMessage: ((message: ServerMessage) => void) | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    const decoder = new FrameDecoder(maxFrameBytes, (payload) => {
      const message = JSON.parse(Buffer.from(payload).toString()) as ServerMessage;
      if (this.#onMessage) this.#onMessage(message);
      else this.received.push(message);
    });
    const wake = () => {
      for (const resolve of this.#waiting.splice(0)) resolve();
    };
    socket.on("data", (chunk) => {
      decoder.push(chunk);
      wake();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      this.closed = true;
      wake();
    });
  }

  /** Connects. Rejects where nobody listens. */
  static async connect(port: number): Promise<RawSession> {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    await once(socket, "connect");
    return new RawSession(socket);
  }

  /** Connects and logs in; resolves with the session after its `welcome`. */
  static async login(
    port: number,
    user: string,
    hello: Partial<Extract<ClientMessage, { op: "hello" }>> = {},
  ): Promise<RawSession> {
    const session = await RawSession.connect(port);
    session.send({ op: "hello", user, ...hello });
    await session.next("welcome");
    return session;
  }

  send(message: ClientMessage): void {
    this.sendText(JSON.stringify(message));
  }

  sendText(text: string): void {
    this.socket.write(encodeFrame(Buffer.from(text)));
  }

  /** From now on each message goes to `handler`, those received before first. */
  onMessage(handler: (message: ServerMessage) => void): void {
    for (const message of this.received.splice(0)) handler(message);
    this.#onMessage = handler;
  }

  /** Takes the first message of that kind out of what was received, waiting for it. Rejects when the connection ends before. */
  async next<Op extends ServerMessage["op"]>(op: Op): Promise<Extract<ServerMessage, { op: Op }>> {
    for (;;) {
      const at = this.received.findIndex((message) => message.op === op);
      if (at !== -1) return this.received.splice(at, 1)[0] as Extract<ServerMessage, { op: Op }>;
      if (this.closed)
        throw new Error(`the connection ended before ${op}; received: ${JSON.stringify(this.received).slice(0, 500)}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Resolves when the connection has ended. */
  async ended(): Promise<void> {
    if (!this.closed) await once(this.socket, "close");
  }

  close(): void {
    this.socket.destroy();
  }
}
