/** The client library against limits: it waits for as long as it is told, and loses, repeats and reorders nothing. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type ClientOptions, type Message, ParleyError } from "@parley/client";
import { nodeTransport } from "@parley/client/node";
import { until } from "../../packages/client/testing/wait.ts";
import { type NativeServer, startNativeServer } from "../native/native-server.ts";
import { openClient } from "../support/open-client.ts";

const free = { "limits.connection.messagesPerSecond": 0, "limits.user.messagesPerSecond": 0 };

async function connect(
  t: TestContext,
  server: NativeServer,
  carrier: "ws" | "tcp",
  user: string,
  options: Partial<ClientOptions> = {},
) {
  const port = carrier === "ws" ? server.webSocketPort : server.tcpPort;
  const url = `${carrier}://127.0.0.1:${port}`;
  const client = openClient(t, { url, user, transport: nodeTransport(), ...options });
  const received: Message[] = [];
  client.on("message", (message) => received.push(message));
  await client.connect();
  return { client, received };
}

for (const carrier of ["ws", "tcp"] as const) {
  test(`sends beyond the rate wait, and arrive once and in order, over ${carrier}`, async (t) => {
    const server = await startNativeServer(t, { ...free, "limits.user.messagesPerSecond": 100 });
    const bob = await connect(t, server, carrier, "bob");
    const alice = await connect(t, server, carrier, "alice");
    let refusals = 0;
    alice.client.on("error", ({ error }) => {
      if (error instanceof ParleyError && error.code === "rate_limited") refusals += 1;
    });
    const bodies = Array.from({ length: 450 }, (_, i) => `${i}`);
    const results = await Promise.all(bodies.map((body) => alice.client.send("bob", body, { copy: false })));
    assert.ok(refusals > 0, "nothing was refused: the test says nothing");
    assert.equal(results.filter(({ duplicate }) => duplicate).length, 0);
    await until("delivery", () => bob.received.length >= bodies.length);
    assert.deepEqual(
      bob.received.map(({ body }) => body),
      bodies,
    );
  });
}

test("requests beyond the rate wait too", async (t) => {
  const server = await startNativeServer(t, { ...free, "limits.connection.messagesPerSecond": 10 });
  const { client } = await connect(t, server, "tcp", "alice");
  const began = performance.now();
  const pages = await Promise.all(Array.from({ length: 25 }, () => client.rooms()));
  assert.equal(pages.length, 25);
  assert.ok(performance.now() - began > 900, "nothing was refused: the test says nothing");
});

test("a full inbox is the application's to know, with the time to wait", async (t) => {
  const server = await startNativeServer(t, { ...free, "limits.inboxMessages": 1 });
  const bob = await connect(t, server, "tcp", "bob");
  await bob.client.close();
  const { client } = await connect(t, server, "tcp", "alice");
  await client.send("bob", "1");
  await assert.rejects(client.send("bob", "2"), (error: ParleyError) => {
    assert.deepEqual([error.code, error.retryAfter], ["inbox_full", 30_000]);
    return true;
  });
  await client.send("alice", "and others are not held up");
});
