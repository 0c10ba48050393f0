import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import type { TransportEvents } from "@parley/client";
import { WebSocketServer } from "ws";
import { Network } from "./network.ts";
import { SocketFinder } from "./socket-finder.ts";

/** Callbacks of a transport, as promises; `reasons` are those of `closed`. */
function observer() {
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<string>();
  const texts: string[] = [];
  const events: TransportEvents = {
    opened: opened.resolve,
    received: (text) => texts.push(text),
    closed: closed.resolve,
  };
  return { events, opened: opened.promise, closed: closed.promise, texts };
}

test("a WebSocket is cut without a goodbye, and none is made until the network is mended", async (context) => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  const finder = new SocketFinder();
  context.after(() => {
    finder.stop();
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  await once(server, "listening");
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const network = new Network(finder);
  const [first, other, during, after] = [observer(), observer(), observer(), observer()];
  const accepted = once(server, "connection");
  network.connect(url, first.events);
  const [socket] = await accepted;
  await first.opened;
  new Network(finder).connect(url, other.events);
  await other.opened;
  socket.send('{"op":"message","seq":1}');
  socket.send('{"op":"live"}');
  socket.ping();
  await once(socket, "pong");
  assert.equal(network.received, 1);
  assert.equal(first.texts.length, 2);
  const ended = once(socket, "close");
  socket.on("error", () => {});
  network.cut();
  const [code] = await ended;
  assert.equal(code, 1006);
  assert.equal(await first.closed, "cut off");
  assert.equal(server.clients.size, 1);
  network.connect(url, during.events);
  assert.equal(await during.closed, "cut off");
  network.mend();
  network.connect(url, after.events);
  await after.opened;
  assert.equal(server.clients.size, 2);
});

test("a TCP connection is cut, and aborting it after that tells nothing", async (context) => {
  const server = createServer().listen(0, "127.0.0.1");
  const finder = new SocketFinder();
  context.after(() => {
    finder.stop();
    server.close();
  });
  await once(server, "listening");
  const url = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const network = new Network(finder);
  const accepted = once(server, "connection");
  let closures = 0;
  const { events, opened } = observer();
  const connection = network.connect(url, { ...events, closed: () => (closures += 1) });
  const [socket] = await accepted;
  await opened;
  const ended = once(
    socket.on("error", () => {}),
    "close",
  );
  network.cut();
  connection.abort();
  await ended;
  assert.equal(closures, 0);
});
