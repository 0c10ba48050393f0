/**
 * RFC 6455 over the real listener, with bare bytes: every rule that a client can break and the code it is closed with,
 * a conversation cut at every byte, many frames at once, and how connections end. What gateways make of messages, their
 * limits and faults is in web-socket-frames.test.ts; the receiver against another one, in websocket-receiver.test.ts.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { TextPeer } from "../support/text-peer.ts";
import { startNativeServer } from "./native-server.ts";
import { type BareWebSocketOptions, shakeHands } from "./web-socket-link.ts";
import { clientFrame, closeFrame, type FrameOptions, opcodes, type ServerFrame } from "./web-socket-wire.ts";

const path = "/v1/ws";
/** `ping` of the native protocol, which needs no login. */
const ping = (ref: string) => JSON.stringify({ op: "ping", ref });

/** All texts that the server sends until it has ended the connection, and with what. */
async function heardOf(port: number, bytes: readonly Buffer[], options: BareWebSocketOptions = {}) {
  const frames: ServerFrame[] = [];
  const peer = await TextPeer.connect(port, { path, ...options, onFrame: (frame) => frames.push(frame) });
  for (const each of bytes) {
    peer.link.write(each);
    if (bytes.length > 1) await setImmediate();
  }
  const end = await peer.ended();
  const refs = peer.take().map((text) => (JSON.parse(text) as { ref?: string }).ref);
  return { refs, end, frames };
}

const frame = (opcode: number, options: FrameOptions = {}, payload: string | Uint8Array = "") =>
  clientFrame(payload, { opcode, ...options });
const { continuation, text, binary, close, ping: pingCode, pong } = opcodes;
const beginning = frame(text, { fin: false }, '{"op":');

/** What it is, and the bytes. */
type Case = readonly [string, ...Buffer[]];

const protocolErrors: readonly Case[] = [
  ...[1, 2, 4, 7].map((reserved) => [`reserved bits ${reserved}`, frame(text, { reserved })] as const),
  ...[1, 2, 4].map((reserved) => [`reserved bits ${reserved} of a ping`, frame(pingCode, { reserved })] as const),
  ["a reserved bit of a continuation", beginning, frame(continuation, { reserved: 4 })],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => [`opcode ${opcode}`, frame(opcode)] as const),
  ...[text, binary, close, pingCode, pong].map(
    (opcode) => [`opcode ${opcode} without a mask`, frame(opcode, { masked: false })] as const,
  ),
  ["a continuation without a mask", beginning, frame(continuation, { masked: false })],
  ...[close, pingCode, pong].map((opcode) => [`opcode ${opcode} in fragments`, frame(opcode, { fin: false })] as const),
  ...[close, pingCode, pong].map(
    (opcode) => [`opcode ${opcode} of 126 bytes`, frame(opcode, {}, new Uint8Array(126))] as const,
  ),
  ["a ping said to be of 2^40 bytes", frame(pingCode, { length: 2 ** 40 })],
  ["a continuation of nothing", frame(continuation)],
  ["a continuation that is not the last, of nothing", frame(continuation, { fin: false })],
  ["a continuation after the last", beginning, frame(continuation, {}, '"pong"}'), frame(continuation)],
  ["a continuation after a ping", frame(pingCode), frame(continuation)],
  ["a text within a text", beginning, frame(text)],
  ["a text within a text, not final", beginning, frame(text, { fin: false })],
  ["bytes within a text", beginning, frame(binary)],
  ["a text within bytes", frame(binary, { fin: false }), frame(text)],
  ["a close of one byte", frame(close, {}, "x")],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map(
    (code) => [`a close with code ${code}`, closeFrame(code)] as const,
  ),
];

/** The byte sequences that UTF-8 forbids (RFC 3629, section 3), or that end too early. */
const notUtf8: readonly [string, readonly number[]][] = [
  ["a continuation byte alone", [0x80]],
  ["a byte that never occurs", [0xff]],
  ["a longer form of a slash", [0xc0, 0xaf]],
  ["a longer form of three bytes", [0xe0, 0x80, 0xaf]],
  ["half of a surrogate pair", [0xed, 0xa0, 0x80]],
  ["beyond U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
  ["a character without its end", [0xe2, 0x82]],
];

const padded = (bytes: readonly number[]) => Buffer.from([...Buffer.from("some text before "), ...bytes]);
const invalidTexts: readonly Case[] = [
  ...notUtf8.map(([what, bytes]) => [what, frame(text, {}, padded(bytes))] as const),
  ...notUtf8.map(
    ([what, bytes]) =>
      [
        `${what}, in fragments`,
        frame(text, { fin: false }, padded(bytes.slice(0, 1))),
        frame(continuation, {}, Buffer.from(bytes.slice(1))),
      ] as const,
  ),
  ...notUtf8.map(
    ([what, bytes]) =>
      [`${what} in the reason of a close`, frame(close, {}, Buffer.from([0x03, 0xe8, ...bytes]))] as const,
  ),
];

function closesWith(code: number, cases: readonly Case[]): void {
  for (const [what, ...bytes] of cases)
    it(`${what}`, async (t) => {
      const { webSocketPort } = await startNativeServer(t);
      const all = Buffer.concat([clientFrame(ping("before")), ...bytes, clientFrame(ping("after"))]);
      for (const chunks of [[all], Array.from(all, (byte) => Buffer.of(byte))]) {
        const { refs, end, frames } = await heardOf(webSocketPort, chunks);
        assert.deepEqual({ code: end.code, torn: end.torn }, { code, torn: false });
        assert.equal(refs[0], "before");
        assert.ok(!refs.includes("after"));
        assert.equal(frames.at(-1)?.opcode, close, "nothing follows a close frame");
      }
    });
}

describe("closed with 1002, in one piece and byte by byte", { concurrency: true }, () =>
  closesWith(1002, protocolErrors),
);

describe("closed with 1007, in one piece and byte by byte", { concurrency: true }, () =>
  closesWith(1007, invalidTexts),
);

describe("closes that are answered with the same", { concurrency: true }, () => {
  for (const code of [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4999])
    it(`${code}`, async (t) => {
      const { webSocketPort } = await startNativeServer(t);
      const { end } = await heardOf(webSocketPort, [closeFrame(code, "größer")], { answersClose: false });
      assert.deepEqual(end, { code, reason: "größer", torn: false });
    });
});

describe("a conversation", () => {
  const conversation = Buffer.concat([
    clientFrame(ping("1")),
    clientFrame("a", { opcode: pingCode }),
    clientFrame(ping("é"), { fin: false }),
    clientFrame("b", { opcode: pingCode }),
    clientFrame("", { opcode: continuation, fin: false }),
    clientFrame("  ", { opcode: continuation }),
    clientFrame(ping("y".repeat(60)) + " ".repeat(60)),
    closeFrame(1000),
  ]);

  it("comes to the same wherever it is cut", async (t) => {
    const { webSocketPort } = await startNativeServer(t);
    for (let at = 1; at < conversation.length; at++) {
      const { refs, end, frames } = await heardOf(webSocketPort, [
        conversation.subarray(0, at),
        conversation.subarray(at),
      ]);
      assert.deepEqual(refs, ["1", "é", "y".repeat(60)], `cut at ${at}`);
      assert.deepEqual(
        frames.filter(({ opcode }) => opcode === pong).map(({ payload }) => payload.toString()),
        ["a", "b"],
      );
      assert.deepEqual({ code: end.code, torn: end.torn }, { code: 1000, torn: false });
    }
  });

  it("of ten thousand frames in one write is answered in order, pings in their places", async (t) => {
    const { webSocketPort } = await startNativeServer(t, { "limits.connection.messagesPerSecond": 0 });
    const frames = Array.from({ length: 10_000 }, (_, n) =>
      n % 5 === 0 ? clientFrame(`${n}`, { opcode: pingCode }) : clientFrame(ping(`${n}`)),
    );
    const { frames: heard } = await heardOf(webSocketPort, [Buffer.concat([...frames, closeFrame(1000)])]);
    assert.equal(heard.pop()?.opcode, close);
    const numbers = heard.map(({ opcode, payload }) =>
      Number(opcode === pong ? payload : (JSON.parse(payload.toString()) as { ref: string }).ref),
    );
    assert.deepEqual(numbers, [...frames.keys()]);
  });
});

async function open(t: TestContext, port: number): Promise<Socket> {
  const { socket, status } = await shakeHands(port, { path });
  assert.equal(status, 101);
  t.after(() => socket.destroy());
  return socket;
}

describe("the end of a connection", () => {
  for (const [what, bytes] of [
    ["between frames", clientFrame(ping("1"))],
    ["in a frame", Buffer.concat([clientFrame(ping("1")), clientFrame(ping("2")).subarray(0, 9)])],
  ] as const)
    it(`by half of it, ${what}: what came before is answered, and the other half closes too`, async (t) => {
      const { webSocketPort } = await startNativeServer(t);
      const socket = await open(t, webSocketPort);
      let heard = "";
      socket.on("data", (chunk) => (heard += chunk));
      const ended = once(socket, "end");
      socket.end(bytes);
      await ended;
      assert.match(heard, /"ref":"1"/);
    });

  it("is the server's to make after the closing handshake, though the peer keeps its side open", async (t) => {
    const { webSocketPort } = await startNativeServer(t);
    const socket = await open(t, webSocketPort);
    const ended = once(socket.resume(), "end");
    socket.write(closeFrame(1000));
    await ended;
    assert.equal(socket.writable, true);
    socket.destroy();
  });

  it("comes in time, though the peer neither answers the close nor reads", { timeout: 20_000 }, async (t) => {
    const { webSocketPort } = await startNativeServer(t, { "limits.loginMs": 100 });
    const socket = await open(t, webSocketPort);
    const began = performance.now();
    // The server's last words are not read; its end of the connection is seen because of what is written to it.
    const closed = new Promise((resolve) => socket.once("close", resolve));
    const writing = setInterval(() => socket.write(clientFrame("x")), 50);
    t.after(() => clearInterval(writing));
    await closed;
    const tookMs = performance.now() - began;
    assert.ok(tookMs > 4_000 && tookMs < 15_000, `${tookMs} ms`);
  });
});

describe("pings of a peer that does not read", () => {
  it("cost little, and the latest is answered", { timeout: 60_000 }, async (t) => {
    const maxOutboxBytes = 64 * 1024;
    const { webSocketPort } = await startNativeServer(t, {
      "limits.maxOutboxBytes": maxOutboxBytes,
      "limits.connection.messagesPerSecond": 0,
      "limits.connection.bytesPerSecond": 0,
    });
    const pongs: string[] = [];
    const onFrame = ({ opcode, payload }: ServerFrame) => opcode === pong && pongs.push(payload.toString().trim());
    const peer = await TextPeer.connect(webSocketPort, { path, onFrame });
    peer.link.pause();
    const before = process.memoryUsage().arrayBuffers;
    const count = 200_000;
    const batch = 2_000;
    for (let n = 0; n < count; n += batch) {
      const pings = Array.from({ length: batch }, (_, at) =>
        clientFrame(`${n + at}`.padStart(125), { opcode: pingCode }),
      );
      peer.link.write(Buffer.concat(pings));
      await setImmediate();
    }
    const grown = process.memoryUsage().arrayBuffers - before;
    peer.link.resume();
    while (pongs.at(-1) !== `${count - 1}`) await setImmediate();
    assert.ok(pongs.length < count, "some were left out");
    assert.ok(grown < 64 * 1024 * 1024, `${grown} bytes`);
  });
});
