/** One device of `device-text` as a test sees it, and a server with that way in. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { TestContext } from "node:test";
import type { ServerParts } from "../../../packages/server/src/server.ts";
import { type NativeServer, type Settings, startNativeServer } from "../../native/native-server.ts";
import type { BareWebSocketOptions } from "../../native/web-socket-link.ts";
import { closeFrame } from "../../native/web-socket-wire.ts";
import { TextPeer } from "../../support/text-peer.ts";

/** `webSocketPort` is that of device-text; native peers come by TCP. */
export function startDeviceTextServer(
  t: TestContext,
  settings: Settings = {},
  parts: Partial<ServerParts> = {},
): Promise<NativeServer> {
  return startNativeServer(t, { gateways: ["native-tcp", "device-text"], "deviceText.port": 0, ...settings }, parts);
}

/** The greeting of `id` where these are connected. */
export function info(id: number, connected: readonly number[]): string {
  return `Your ID: ${id}\nConnected Devices: \n[${connected.join(", ")}]\nChat usage: send,destinationId,msg`;
}

export class Device {
  readonly peer: TextPeer;
  readonly greeting: string;
  readonly id: number;

  private constructor(peer: TextPeer, greeting: string) {
    this.peer = peer;
    this.greeting = greeting;
    this.id = Number(/^Your ID: (\d+)\n/.exec(greeting)?.[1]);
  }

  /** Connects; resolves when the device was greeted. */
  static async connect(
    { webSocketPort }: Pick<NativeServer, "webSocketPort">,
    options: BareWebSocketOptions = {},
  ): Promise<Device> {
    const peer = await TextPeer.connect(webSocketPort, options);
    return new Device(peer, await peer.next());
  }

  /** Says these lines, a frame each, in one write. */
  say(...lines: readonly string[]): void {
    this.peer.send(...lines);
  }

  expect(...texts: readonly string[]): Promise<void> {
    return this.peer.expect(...texts);
  }

  /** Says a line that has to be answered by that. */
  async ask(line: string, answer: string): Promise<void> {
    this.say(line);
    assert.equal(await this.peer.next(), answer, line);
  }

  /** Everything it was told up to now: what comes before a message to itself, which is stored after all sent before. */
  async told(): Promise<string[]> {
    const mark = randomUUID();
    this.say(`send,${this.id},${mark}`);
    const texts: string[] = [];
    for (;;) {
      const text = await this.peer.next();
      if (text === `${this.id}:${mark}`) return texts;
      texts.push(text);
    }
  }

  /** Closes in good order: the server has heard of it when this resolves. */
  async leave(): Promise<void> {
    this.peer.link.write(closeFrame(1000));
    await this.peer.ended();
  }
}
