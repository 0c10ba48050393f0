/** The parts of a client without a connection, over a manual environment, for the unit tests beside the sources. */
import type { Position } from "@parley/protocol";
import { Emitter } from "../src/emitter.ts";
import type { ClientEvents } from "../src/events.ts";
import type { WireMessage } from "../src/message.ts";
import { type ClientOptions, completeOptions } from "../src/options.ts";
import { createParts } from "../src/parts.ts";
import { ManualEnvironment } from "./manual-environment.ts";

/** Parts whose frames land in `sent`; `connection.isOnline` decides whether frames leave. */
export function testParts(options: Partial<ClientOptions> = {}) {
  const environment = new ManualEnvironment();
  const sent: Record<string, unknown>[] = [];
  const events: [keyof ClientEvents, unknown][] = [];
  const connection = { isOnline: true };
  const emitter = new Emitter<ClientEvents>({
    failed: (error) => {
      throw error;
    },
    unheard: (name, event) => events.push([name, event]),
  });
  const send = (text: string) => {
    if (connection.isOnline) sent.push(JSON.parse(text));
    return connection.isOnline;
  };
  const settings = completeOptions({ url: "ws://unused", environment, ...options });
  const parts = createParts(settings, emitter, send);
  return { ...parts, environment, sent, events, connection };
}

/** Parts that stand before the first message of two logs; `handled` is for the test to write down what it was given. */
export function testInbox(options: Partial<ClientOptions> = {}) {
  const parts = testParts(options);
  parts.cursors.set(at("alice", 0));
  parts.cursors.set(at("#room", 0));
  const handled: string[] = [];
  /** What was acknowledged since the last call. */
  const acked = () => parts.sent.splice(0).map(({ log, seq }) => `${log} ${seq}`);
  const names = () => parts.events.map(([name]) => name);
  return { ...parts, handled, acked, names };
}

export function wire(log: string, seq: number): WireMessage {
  return { op: "message", log, seq, id: `${log}-${seq}`, from: "bob", to: log, ts: seq, body: `${log} ${seq}` };
}

export function at(log: string, seq: number, epoch = "e"): Position {
  return { log, epoch, seq };
}
