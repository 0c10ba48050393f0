/**
 * A WebSocket client over a bare socket: the handshake of RFC 6455 word by word, then frames of `web-socket-wire.ts`.
 * It answers pings and closes like any client, unless a test says otherwise.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { End, Link, LinkEvents } from "./link.ts";
import type { NativeServer } from "./native-server.ts";
import { clientFrame, opcodes, type ServerFrame, ServerFrames } from "./web-socket-wire.ts";

/** The example of RFC 6455, section 1.3. */
const key = "dGhlIHNhbXBsZSBub25jZQ==";
const accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

export interface Handshake {
  readonly path?: string;
  readonly method?: string;
  /** Beside those that every handshake has; undefined leaves one of those out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

export interface HandshakeAnswer {
  readonly socket: Socket;
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  /** What came behind the headers. */
  readonly rest: Buffer;
}

/** Sends an upgrade request and reads the head of the answer. The socket stays open on our side, whatever it says. */
export async function shakeHands(port: number, { path = "/v1/ws", method = "GET", headers = {} }: Handshake = {}) {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true, allowHalfOpen: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  const all = {
    Host: `127.0.0.1:${port}`,
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": key,
    "Sec-WebSocket-Version": "13",
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
  return readAnswer(socket);
}

async function readAnswer(socket: Socket): Promise<HandshakeAnswer> {
  let head = Buffer.alloc(0);
  while (!head.includes("\r\n\r\n")) head = Buffer.concat([head, (await once(socket, "data"))[0] as Buffer]);
  const end = head.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = head.toString("latin1", 0, end).split("\r\n");
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  return { socket, status: Number(statusLine.split(" ")[1]), headers, rest: head.subarray(end + 4) };
}

export interface BareWebSocketOptions extends Handshake {
  readonly answersPings?: boolean;
  readonly answersClose?: boolean;
  /** Every frame of the server, text and control. */
  readonly onFrame?: (frame: ServerFrame) => void;
}

/** Connects over WebSocket, offering `parley.v1` unless `options.headers` says otherwise. */
export async function connectWebSocket(
  { webSocketPort }: Pick<NativeServer, "webSocketPort">,
  { text, end }: LinkEvents,
  options: BareWebSocketOptions = {},
): Promise<Link> {
  const { answersPings = true, answersClose = true, onFrame = () => {} } = options;
  const headers = { "Sec-WebSocket-Protocol": "parley.v1", ...options.headers };
  const { socket, status, headers: answered, rest } = await shakeHands(webSocketPort, { ...options, headers });
  assert.equal(status, 101);
  assert.equal(answered.get("sec-websocket-accept"), accept);
  const frames = new ServerFrames();
  let closed: Omit<End, "torn"> = {};
  let torn = true;
  const take = (chunk: Buffer) => {
    for (const frame of frames.push(chunk)) {
      const { opcode, payload } = frame;
      onFrame(frame);
      if (opcode === opcodes.text) text(payload.toString());
      if (opcode === opcodes.ping && answersPings) socket.write(clientFrame(payload, { opcode: opcodes.pong }));
      if (opcode !== opcodes.close) continue;
      if (payload.length >= 2) closed = { code: payload.readUInt16BE(0), reason: payload.toString("utf8", 2) };
      if (answersClose) socket.write(clientFrame(payload, { opcode: opcodes.close }));
    }
  };
  socket.on("data", take);
  socket.on("end", () => {
    torn = frames.pendingBytes > 0;
    socket.end();
  });
  socket.on("close", () => end({ ...closed, torn }));
  take(rest);
  return {
    frame: clientFrame,
    write: (bytes) => socket.write(bytes),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    cut: () => socket.destroy(),
  };
}
