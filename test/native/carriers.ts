/** The carriers of `parley.v1`. Scenarios are written once and run over both. */
import { describe } from "node:test";
import type { Carrier } from "./link.ts";
import { connectTcp } from "./tcp-link.ts";
import { connectWebSocket } from "./web-socket-link.ts";

export const tcp: Carrier = { name: "TCP", connect: connectTcp };
export const webSocket: Carrier = { name: "WebSocket", connect: connectWebSocket };

/** Registers the same tests for each carrier. */
export function overEachCarrier(title: string, define: (carrier: Carrier) => void): void {
  for (const carrier of [tcp, webSocket]) describe(`${title}, over ${carrier.name}`, () => define(carrier));
}
