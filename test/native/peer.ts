/**
 * One connection of `parley.v1` as a test sees it: what it sends, and what the server says, in order and nothing left
 * out. Every message of the server is checked against the protocol's own schemas. Waits have an end, so that a server
 * that says nothing fails the test instead of hanging it.
 */
import assert from "node:assert/strict";
import { type ErrorCode, errors, type ServerMessage, type ServerMessages } from "@parley/protocol";
import { parseServerMessage } from "@parley/protocol/validate";
import { Patience } from "../support/patience.ts";
import type { Carrier, End, Link } from "./link.ts";
import type { NativeServer } from "./native-server.ts";
import { type BareWebSocketOptions, connectWebSocket } from "./web-socket-link.ts";

type Told<Op extends keyof ServerMessages> = Extract<ServerMessage, { op: Op }>;
/** A message as a test writes it: right or wrong. */
export type Sent = Readonly<Record<string, unknown>>;

const normalClosure = 1000;

export class Peer {
  readonly #carrier: Carrier["name"];
  readonly #inbox: ServerMessage[] = [];
  #link: Link | undefined;
  #end: End | undefined;
  readonly #patience = new Patience();
  #pings = 0;

  private constructor(carrier: Carrier["name"]) {
    this.#carrier = carrier;
  }

  static async connect(carrier: Carrier, server: NativeServer): Promise<Peer> {
    const peer = new Peer(carrier.name);
    peer.#link = await carrier.connect(server, peer.#events());
    return peer;
  }

  /** A WebSocket with a handshake or manners of its own. */
  static async webSocket(server: Pick<NativeServer, "webSocketPort">, options: BareWebSocketOptions): Promise<Peer> {
    const peer = new Peer("WebSocket");
    peer.#link = await connectWebSocket(server, peer.#events(), options);
    return peer;
  }

  /** Connects and says hello; resolves after `welcome` and `live`, when nothing waits for the user. */
  static async login(carrier: Carrier, server: NativeServer, user: string, hello: Sent = {}): Promise<Peer> {
    const peer = await Peer.connect(carrier, server);
    await peer.hello({ user, ...hello });
    await peer.expect("live");
    return peer;
  }

  #events() {
    return {
      text: (text: string) => {
        const parsed = parseServerMessage(text);
        assert.ok(parsed.ok, `the server said what the protocol does not know: ${text}`);
        this.#inbox.push(parsed.value);
        this.#patience.wake();
      },
      end: (end: End) => {
        this.#end = end;
        this.#patience.wake();
      },
    };
  }

  get link(): Link {
    assert.ok(this.#link);
    return this.#link;
  }

  // What it sends

  send(...messages: readonly Sent[]): void {
    this.sendTexts(...messages.map((message) => JSON.stringify(message)));
  }

  /** Frames of these texts, in one write. */
  sendTexts(...texts: readonly (string | Uint8Array)[]): void {
    this.link.write(Buffer.concat(texts.map((text) => this.link.frame(text))));
  }

  /** Says hello; resolves with the `welcome`. */
  async hello(hello: Sent): Promise<Told<"welcome">> {
    this.send({ op: "hello", ...hello });
    return this.expect("welcome");
  }

  /** Sends a request; resolves with its answer, which has to be the next message. */
  async ask<Op extends keyof ServerMessages>(request: Sent, op: Op, fields: Sent = {}): Promise<Told<Op>> {
    this.send(request);
    return this.expect(op, fields);
  }

  /** Sends a message; resolves with its `ok`, which has to be the next thing said. */
  deliver(to: string | readonly string[], body: string, more: Sent = {}): Promise<Told<"ok">> {
    return this.ask({ op: "send", to, body, ...more }, "ok");
  }

  // What it is told

  /** The next message, whatever it is. */
  async next(): Promise<ServerMessage> {
    for (;;) {
      const first = this.#inbox.shift();
      if (first) return first;
      if (this.#end) throw new Error(`the connection ended: ${JSON.stringify(this.#end)}`);
      await this.#patience.change();
    }
  }

  /** The next message, which has to be an `op` with at least these fields. */
  async expect<Op extends keyof ServerMessages>(op: Op, fields: Sent = {}): Promise<Told<Op>> {
    const message = await this.next();
    assert.partialDeepStrictEqual(message, { op, ...fields } as Partial<ServerMessage>);
    return message as Told<Op>;
  }

  /** The next messages, which have to be stored ones with these bodies. */
  async expectBodies(...bodies: readonly string[]): Promise<Told<"message">[]> {
    const messages: Told<"message">[] = [];
    for (const body of bodies) messages.push(await this.expect("message", { body }));
    return messages;
  }

  /**
   * Everything that the server had to say up to now: what comes before the answer to a second ping, which the server
   * takes in a later turn than what was sent before the first.
   */
  async told(): Promise<ServerMessage[]> {
    return [...(await this.#untilPong()), ...(await this.#untilPong())];
  }

  async #untilPong(): Promise<ServerMessage[]> {
    const ref = `told ${++this.#pings}`;
    this.send({ op: "ping", ref });
    const messages: ServerMessage[] = [];
    for (;;) {
      const message = await this.next();
      if (message.op === "pong" && message.ref === ref) return messages;
      messages.push(message);
    }
  }

  /** Passes over presence until it says this of that user: what was in the making may have been told before. */
  async untilPresence(user: string, online: boolean): Promise<void> {
    for (;;) {
      const { users } = await this.expect("presence");
      if (users.some((status) => status.user === user && status.online === online)) return;
    }
  }

  /** The server has nothing to say, and the connection works. */
  async silence(): Promise<void> {
    assert.deepEqual(await this.told(), []);
  }

  // Its end

  /** The connection ends as the error table has it, in good order and without another word. */
  async endsBy(code: ErrorCode | "bye"): Promise<void> {
    const { wsClose, closes } = code === "bye" ? { wsClose: normalClosure, closes: true } : errors[code];
    assert.ok(closes, `${code} does not close`);
    const end = await this.ended();
    assert.deepEqual(this.#inbox, []);
    assert.equal(end.torn, false, "the stream ended in the middle");
    if (this.#carrier === "WebSocket") assert.equal(end.code, wsClose);
  }

  /** How it ended, once it has. */
  async ended(timeoutMs?: number): Promise<End> {
    while (!this.#end) await this.#patience.change(timeoutMs);
    return this.#end;
  }

  /** Cuts the connection. */
  async cut(): Promise<void> {
    this.link.cut();
    await this.ended();
  }
}
