/**
 * Peers that are slow on purpose (checklist, point 6): who drips a frame or a request is let go in a few times what
 * who is silent has, and who is merely quiet, or slow and getting on, stays.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { encodeFrame } from "@parley/protocol";
import { shakeHands } from "../native/web-socket-link.ts";
import { clientFrame } from "../native/web-socket-wire.ts";
import { RawSession } from "../support/raw-session.ts";
import { type Settings, startInProcess } from "../support/server-in-process.ts";

/** As much of a frame is getting on. */
const goodPartBytes = 65_536;
const idleMs = 300;
const dripMs = 40;
const patienceMs = 15_000;

const gateways: NonNullable<Settings["gateways"]> = [
  "native-websocket",
  "native-tcp",
  "peer-json",
  "push",
  "framed-tcp",
  "device-text",
];

interface Ports {
  readonly http: number;
  readonly tcp: number;
  readonly peerJson: number;
  readonly framedTcp: number;
  readonly deviceText: number;
}

async function start(t: TestContext): Promise<Ports> {
  const settings: Settings = {
    gateways: [...gateways],
    "http.port": 0,
    "nativeTcp.port": 0,
    "peerJson.port": 0,
    "framedTcp.port": 0,
    "deviceText.port": 0,
    "limits.idleMs": idleMs,
  };
  const { urls } = await startInProcess(t, settings, {});
  const ports = new Map(urls.map(({ protocol, port, pathname }) => [`${protocol}${pathname}`, Number(port)]));
  const sockets = urls.filter(({ protocol, pathname }) => protocol === "ws:" && pathname === "/");
  const [tcp = 0, framedTcp = 0] = urls.filter(({ protocol }) => protocol === "tcp:").map(({ port }) => Number(port));
  const [peerJson = 0, deviceText = 0] = sockets.map(({ port }) => Number(port));
  return { http: ports.get("ws:/v1/ws") ?? 0, tcp, peerJson, framedTcp, deviceText };
}

async function tcp(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  return socket;
}

async function webSocket(port: number, path: string): Promise<Socket> {
  const { socket, status } = await shakeHands(port, { path });
  assert.equal(status, 101);
  return socket;
}

/** Writes a byte now and then until the server ends it; resolves with how long that took, in ms. */
async function drip(socket: Socket, bytes: Buffer): Promise<number> {
  const began = performance.now();
  let ended = false;
  socket
    .on("error", () => {})
    .on("end", () => (ended = true))
    .on("close", () => (ended = true))
    .resume();
  for (let at = 0; !ended; at++) {
    assert.ok(performance.now() - began < patienceMs + 10_000, "the server goes on waiting");
    if (!socket.destroyed) socket.write(bytes.subarray(at % bytes.length, (at % bytes.length) + 1));
    await sleep(dripMs);
  }
  socket.destroy();
  return performance.now() - began;
}

const hello = Buffer.from(JSON.stringify({ op: "hello", user: "slow", device: "d" }));
const endless = Buffer.alloc(60_000, 0x20);

const frames: readonly (readonly [what: string, open: (ports: Ports) => Promise<Socket>, bytes: Buffer])[] = [
  [
    "native-tcp",
    async (ports) => {
      const socket = await tcp(ports.tcp);
      socket.write(encodeFrame(hello));
      return socket;
    },
    Buffer.from(encodeFrame(endless)),
  ],
  ["framed-tcp", (ports) => tcp(ports.framedTcp), Buffer.from(encodeFrame(endless))],
  [
    "native-websocket",
    async (ports) => {
      const socket = await webSocket(ports.http, "/v1/ws");
      socket.write(clientFrame(hello));
      return socket;
    },
    clientFrame(endless),
  ],
  ["peer-json", (ports) => webSocket(ports.peerJson, "/"), clientFrame(endless)],
  ["device-text", (ports) => webSocket(ports.deviceText, "/"), clientFrame(endless)],
];

describe("a frame that comes a byte at a time", { concurrency: true }, () => {
  for (const [what, open, bytes] of frames)
    it(`ends the connection of ${what}`, { timeout: 30_000 }, async (t) => {
      const ports = await start(t);
      const took = await drip(await open(ports), bytes);
      assert.ok(took >= 10 * idleMs && took < patienceMs, `after ${Math.round(took)} ms`);
    });

  it("does not end it where it is getting on, nor where frames are small and far between", {
    timeout: 30_000,
  }, async (t) => {
    const ports = await start(t);
    const session = await RawSession.login(ports.tcp, "steady", { device: "d" });
    const chat = await tcp(ports.framedTcp);
    let chatEnded = false;
    chat.on("close", () => (chatEnded = true)).resume();
    const body = "x".repeat(10 * goodPartBytes);
    const frame = encodeFrame(Buffer.from(JSON.stringify({ op: "send", to: "steady", body, copy: false })));
    // Longer than a frame may take that is not getting on.
    for (let at = 0; at < frame.length; at += goodPartBytes / 4) {
      session.socket.write(frame.subarray(at, at + goodPartBytes / 4));
      await sleep(idleMs / 3);
    }
    assert.equal((await session.next("ok")).op, "ok");
    assert.equal(chatEnded, false, "who is silent between frames stays in the chat");
    session.close();
    chat.destroy();
  });
});

describe("a request that comes a byte at a time", { concurrency: true }, () => {
  const requests: readonly (readonly [what: string, bytes: string])[] = [
    ["headers without an end", `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(10_000)}`],
    ["a body", `POST /message HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000\r\n\r\n${" ".repeat(10_000)}`],
  ];
  for (const [what, bytes] of requests)
    it(`${what}, ends the connection in the 10 s that a request has`, { timeout: 40_000 }, async (t) => {
      const { http } = await start(t);
      const took = await drip(await tcp(http), Buffer.from(bytes));
      assert.ok(took < 14_000, `after ${Math.round(took)} ms`);
    });

  it("nothing at all, ends it too", { timeout: 40_000 }, async (t) => {
    const { http } = await start(t);
    const socket = await tcp(http);
    const began = performance.now();
    await once(socket.resume(), "close");
    assert.ok(performance.now() - began < 14_000);
  });
});
