import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { encodeFrame, FrameDecoder } from "@parley/protocol";
import { until } from "../testing/wait.ts";
import { tcpTransport } from "./tcp-transport.ts";
import type { TransportConnection } from "./transport.ts";

const texts = ['{"op":"live"}', '{"op":"ok","id":"é€😀"}', "x".repeat(300)];
const frames = Buffer.concat(texts.map((text) => encodeFrame(Buffer.from(text))));

/** A connection of the transport to a server that the test plays. */
async function connect(options: { maxFrameBytes?: number } = {}) {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const events: string[] = [];
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const connection: TransportConnection = tcpTransport(options).connect(`tcp://127.0.0.1:${port}`, {
    opened: () => events.push("opened"),
    received: (text) => events.push(text),
    closed: (reason) => events.push(`closed: ${reason}`),
  });
  assert.deepEqual(events, [], "nothing happens inside connect");
  const [peer] = await accepted;
  peer.setNoDelay(true).on("error", () => {});
  server.close();
  await until("opened", () => events[0] === "opened");
  events.shift();
  return { connection, peer, events };
}

test("takes frames split at every byte", async () => {
  for (let at = 1; at < frames.length; at += at < 60 ? 1 : 37) {
    const { connection, peer, events } = await connect();
    peer.write(frames.subarray(0, at));
    await new Promise((resolve) => setImmediate(resolve));
    peer.write(frames.subarray(at));
    await until("all frames", () => events.length === texts.length);
    assert.deepEqual(events, texts, `split at ${at}`);
    connection.abort();
    peer.destroy();
  }
});

test("takes frames byte by byte, and many in one chunk", async () => {
  const { connection, peer, events } = await connect();
  for (const byte of frames) {
    peer.write(Uint8Array.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  peer.write(Buffer.concat([frames, frames]));
  await until("all frames", () => events.length === 3 * texts.length);
  assert.deepEqual(events, [...texts, ...texts, ...texts]);
  connection.abort();
  peer.destroy();
});

test("sends what a turn has written in order, framed in bytes, and before it closes", async () => {
  const { connection, peer, events } = await connect();
  const received: string[] = [];
  const decoder = new FrameDecoder(2 ** 20, (payload) => received.push(Buffer.from(payload).toString()));
  peer.on("data", (chunk) => decoder.push(chunk));
  for (const text of texts) connection.send(text);
  await until("all frames", () => received.length === texts.length);
  connection.send("last");
  connection.close();
  await until("closed", () => events.length === 1);
  assert.deepEqual(received, [...texts, "last"]);
  connection.send("too late");
});

test("tells the end once: by the peer, by a fault of the frames; not at all after abort", async () => {
  const ended = await connect();
  ended.peer.end();
  await until("closed", () => ended.events.length > 0);
  assert.deepEqual(ended.events, ["closed: the server closed the connection"]);

  const tooLong = await connect({ maxFrameBytes: 10 });
  tooLong.peer.write(frames);
  await until("closed", () => tooLong.events.length > 0);
  assert.match(tooLong.events.join(), /^closed: .*frame_too_large/);

  const aborted = await connect();
  const gone = once(aborted.peer, "close");
  aborted.connection.abort();
  aborted.peer.write(frames);
  await gone;
  assert.deepEqual(aborted.events, []);
});

test("an abort inside a callback is the last of them", async () => {
  const { connection, peer, events } = await connect();
  const gone = once(peer, "close");
  const seen: string[] = [];
  events.push = (text) => {
    connection.abort();
    return seen.push(text);
  };
  peer.write(frames);
  await gone;
  assert.deepEqual(seen, texts.slice(0, 1));
});

test("a server that is not there is an end with a reason; a URL that is none is refused", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const reason = await new Promise<string>((closed) => {
    tcpTransport().connect(`tcp://127.0.0.1:${port}`, { opened: assert.fail, received: assert.fail, closed });
  });
  assert.match(reason, /ECONNREFUSED/);
  const events = { opened: assert.fail, received: assert.fail, closed: assert.fail };
  for (const url of ["http://127.0.0.1", "tcp:", "127.0.0.1:5790", "tcp://127.0.0.1:99999"])
    assert.throws(() => tcpTransport().connect(url, events), url);
});
