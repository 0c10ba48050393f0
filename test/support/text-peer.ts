/**
 * One WebSocket connection of a protocol whose frames are texts, as a test sees it: bare frames over a bare socket, and
 * every text that the server sends, in order and nothing left out. Waits have an end, so that a server that says nothing
 * fails the test instead of hanging it. For gateways that are not `parley.v1`.
 */
import assert from "node:assert/strict";
import type { End, Link } from "../native/link.ts";
import { type BareWebSocketOptions, connectWebSocket } from "../native/web-socket-link.ts";
import { clientFrame, type FrameOptions, opcodes } from "../native/web-socket-wire.ts";
import { Patience } from "./patience.ts";

export class TextPeer {
  readonly #inbox: string[] = [];
  #link: Link | undefined;
  #end: End | undefined;
  readonly #patience = new Patience();

  private constructor() {}

  /** Completes the handshake, without a subprotocol. */
  static async connect(port: number, options: BareWebSocketOptions = {}): Promise<TextPeer> {
    const peer = new TextPeer();
    const headers = { "Sec-WebSocket-Protocol": undefined, ...options.headers };
    const events = {
      text: (text: string) => {
        peer.#inbox.push(text);
        peer.#patience.wake();
      },
      end: (end: End) => {
        peer.#end = end;
        peer.#patience.wake();
      },
    };
    peer.#link = await connectWebSocket({ webSocketPort: port }, events, { path: "/", ...options, headers });
    return peer;
  }

  get link(): Link {
    assert.ok(this.#link);
    return this.#link;
  }

  /** Sends these texts, a frame each, in one write. */
  send(...texts: readonly string[]): void {
    this.link.write(Buffer.concat(texts.map((text) => clientFrame(text))));
  }

  /** Sends one frame, right or wrong. */
  sendFrame(payload: string | Uint8Array, options: FrameOptions): void {
    this.link.write(clientFrame(payload, options));
  }

  /** Sends one text in fragments. */
  sendFragments(...parts: readonly (string | Uint8Array)[]): void {
    for (const [at, part] of parts.entries())
      this.sendFrame(part, { opcode: at === 0 ? opcodes.text : opcodes.continuation, fin: at === parts.length - 1 });
  }

  /** The next text. */
  async next(): Promise<string> {
    for (;;) {
      const first = this.#inbox.shift();
      if (first !== undefined) return first;
      if (this.#end) throw new Error(`the connection ended: ${JSON.stringify(this.#end)}`);
      await this.#patience.change();
    }
  }

  /** The next texts, which have to be these. */
  async expect(...texts: readonly string[]): Promise<void> {
    for (const text of texts) assert.equal(await this.next(), text);
  }

  /** Everything received that nobody has taken yet. */
  take(): string[] {
    return this.#inbox.splice(0);
  }

  /** How it ended, once it has. */
  async ended(timeoutMs?: number): Promise<End> {
    while (!this.#end) await this.#patience.change(timeoutMs);
    return this.#end;
  }

  /** Cuts the connection without a word. */
  async cut(): Promise<void> {
    this.link.cut();
    await this.ended();
  }
}
