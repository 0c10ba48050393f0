/**
 * What tests of the client against a server that they script start from: a `ReferenceServer` of the test's own, and
 * clients that end with it.
 */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { type Client, type ClientOptions, createClient, ParleyError, type StateChange } from "@parley/client";
import { nodeTransport } from "@parley/client/node";
import { ReferenceServer } from "./reference-server.ts";

/** Starts a server. Both it and the clients end with the test, which fails if one sent what the protocol does not allow. */
export async function start(t: TestContext) {
  const server = await new ReferenceServer().start();
  const clients: Client[] = [];
  t.after(async () => {
    await Promise.all(clients.map((client) => client.close({ timeoutMs: 100 })));
    server.stop();
    assert.deepEqual(server.faults, [], "the client sent what the protocol does not allow");
  });
  return {
    server,
    create: (carrier: "ws" | "tcp", user: string, options: Partial<ClientOptions> = {}): Client => {
      const url = carrier === "ws" ? server.wsUrl : server.tcpUrl;
      const backoff = { baseMs: 5, capMs: 20 };
      const own = { url, user, transport: nodeTransport(), backoff, handlerBackoff: backoff };
      const client = createClient({ ...own, ...options });
      clients.push(client);
      return client;
    },
    /** What the clients said by that op. */
    heard: <Op extends string>(op: Op) => server.heard.filter((message) => message.op === op),
  };
}

/** Collects the bodies of everything delivered. */
export function bodies(client: Client): string[] {
  const received: string[] = [];
  client.on("message", (message) => received.push(message.body));
  return received;
}

/** Collects what becomes of the connection. */
export function states(client: Client): StateChange[] {
  const changes: StateChange[] = [];
  client.on("state", (change) => changes.push(change));
  return changes;
}

/** The code of the error that a promise rejects with; `resolved` where it does not. */
export const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "resolved",
    (error: unknown) => (error instanceof ParleyError ? error.code : error),
  );
