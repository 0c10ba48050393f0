/** One connection of `peer-json` as a test sees it, and a server with that way in. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { TestContext } from "node:test";
import type { ServerParts } from "../../../packages/server/src/server.ts";
import { type NativeServer, type Settings, startNativeServer } from "../../native/native-server.ts";
import type { BareWebSocketOptions } from "../../native/web-socket-link.ts";
import { closeFrame } from "../../native/web-socket-wire.ts";
import { TextPeer } from "../../support/text-peer.ts";

/** `webSocketPort` is that of peer-json; native peers come by TCP. */
export function startPeerJsonServer(
  t: TestContext,
  settings: Settings = {},
  parts: Partial<ServerParts> = {},
): Promise<NativeServer> {
  return startNativeServer(t, { gateways: ["native-tcp", "peer-json"], "peerJson.port": 0, ...settings }, parts);
}

const markPrefix = "mark ";

function isMark({ from, to, msg }: Record<string, unknown>): boolean {
  return from === to && typeof msg === "string" && msg.startsWith(markPrefix);
}

export class JsonPeer {
  readonly text: TextPeer;
  name = "";

  private constructor(text: TextPeer) {
    this.text = text;
  }

  static async connect(
    { webSocketPort }: Pick<NativeServer, "webSocketPort">,
    options: BareWebSocketOptions = {},
  ): Promise<JsonPeer> {
    return new JsonPeer(await TextPeer.connect(webSocketPort, options));
  }

  /** Connects and logs in; what waited is still to come. */
  static async login(server: Pick<NativeServer, "webSocketPort">, name: string): Promise<JsonPeer> {
    const peer = await JsonPeer.connect(server);
    peer.login(name);
    return peer;
  }

  /** Connects and logs in where nothing waits; resolves when the server has taken it. */
  static async join(server: Pick<NativeServer, "webSocketPort">, name: string): Promise<JsonPeer> {
    const peer = await JsonPeer.login(server, name);
    assert.deepEqual(await peer.told(), []);
    return peer;
  }

  login(name: string): void {
    this.name = name;
    this.send({ login: name });
  }

  send(...values: readonly unknown[]): void {
    this.text.send(...values.map((value) => JSON.stringify(value)));
  }

  say(to: string, ...texts: readonly string[]): void {
    this.send(...texts.map((msg) => ({ from: this.name, to, msg })));
  }

  /** The next message that is no mark of `told`: other connections of the name get those too. */
  async next(): Promise<Record<string, unknown>> {
    for (;;) {
      const message = await this.#nextOrMark();
      if (!isMark(message)) return message;
    }
  }

  async #nextOrMark(): Promise<Record<string, unknown>> {
    return JSON.parse(await this.text.next()) as Record<string, unknown>;
  }

  /** The next messages, which have to be these. */
  async expect(...values: readonly Record<string, unknown>[]): Promise<void> {
    for (const value of values) assert.deepEqual(await this.next(), value);
  }

  /** The next messages, which have to be these texts from `from`. */
  expectFrom(from: string, ...texts: readonly string[]): Promise<void> {
    return this.expect(...texts.map((msg) => ({ from, to: this.name, msg })));
  }

  /** The next message, which has to be an error of that text. */
  async expectError(text: string | RegExp): Promise<void> {
    const { error } = await this.next();
    if (typeof text === "string") assert.equal(error, text);
    else assert.match(String(error), text);
  }

  /**
   * Everything that the server had to say up to now: what comes before a message to oneself, which is stored after all
   * that was sent before it.
   */
  async told(): Promise<Record<string, unknown>[]> {
    const mark = `${markPrefix}${randomUUID()}`;
    this.say(this.name, mark);
    const messages: Record<string, unknown>[] = [];
    for (;;) {
      const message = await this.#nextOrMark();
      if (message.msg === mark) return messages;
      if (!isMark(message)) messages.push(message);
    }
  }

  /** Closes in good order: the server has heard of it when this resolves. */
  async leave(): Promise<void> {
    this.text.link.write(closeFrame(1000));
    await this.text.ended();
  }
}
