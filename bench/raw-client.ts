/**
 * A bare connection of the native protocol for load generation: no library, frames built by hand, one write per turn.
 * Speaks TCP, or WebSocket with masked frames. Counts on a server that answers by PROTOCOL.md.
 */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { FrameDecoder } from "@parley/protocol";

export type CarrierName = "tcp" | "ws";

/** What a WebSocket asks for in its handshake. */
export interface Upgrade {
  readonly path: string;
  readonly subprotocol?: string;
}

const nativeUpgrade: Upgrade = { path: "/v1/ws", subprotocol: "parley.v1" };

export interface RawClient {
  /** Queues one JSON text; it leaves at the end of the turn. */
  send(text: string): void;
  close(): void;
}

const maxFrame = 16 * 1024 * 1024;

/** Connects and calls `onText` with every frame. Resolves when the connection can send. */
export async function connectRaw(
  carrier: CarrierName,
  port: number,
  onText: (text: string) => void,
  upgradeTo = nativeUpgrade,
): Promise<RawClient> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  await new Promise<void>((resolve, reject) => socket.once("error", reject).once("connect", resolve));
  if (carrier === "ws") await upgrade(socket, port, upgradeTo);
  const encode = carrier === "ws" ? encodeMasked : encodePrefixed;
  const decoder = carrier === "ws" ? webSocketDecoder(onText) : prefixedDecoder(onText);
  socket.on("data", decoder);
  let queue: string[] = [];
  return {
    send(text) {
      if (queue.push(text) > 1) return;
      queueMicrotask(() => {
        const texts = queue;
        queue = [];
        socket.write(Buffer.concat(texts.map(encode)));
      });
    },
    close: () => socket.destroy(),
  };
}

async function upgrade(socket: Socket, port: number, { path, subprotocol }: Upgrade): Promise<void> {
  const key = randomBytes(16).toString("base64");
  const offer = subprotocol === undefined ? "" : `Sec-WebSocket-Protocol: ${subprotocol}\r\n`;
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n${offer}\r\n`,
  );
  const [answer] = await new Promise<Buffer[]>((resolve) => socket.once("data", (data) => resolve([data])));
  if (!answer?.toString("latin1").startsWith("HTTP/1.1 101")) throw new Error(`no upgrade: ${answer}`);
}

function encodePrefixed(text: string): Buffer {
  const frame = Buffer.allocUnsafe(4 + text.length);
  frame.writeUInt32BE(text.length);
  frame.write(text, 4, "latin1");
  return frame;
}

/** A masked text frame with an all-zero mask, which masks nothing and is allowed. Texts here are ASCII below 64 KiB. */
function encodeMasked(text: string): Buffer {
  const { length } = text;
  const head = length < 126 ? 6 : 8;
  const frame = Buffer.alloc(head + length);
  frame[0] = 0x81;
  frame[1] = 0x80 | Math.min(length, 126);
  if (length >= 126) frame.writeUInt16BE(length, 2);
  frame.write(text, head, "latin1");
  return frame;
}

function prefixedDecoder(onText: (text: string) => void): (chunk: Buffer) => void {
  const decoder = new FrameDecoder(maxFrame, (payload) => {
    onText(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString("latin1"));
  });
  return (chunk) => decoder.push(chunk);
}

/** Frames as a server sends them: not masked, not fragmented. */
function webSocketDecoder(onText: (text: string) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let at = 0;
    for (;;) {
      if (bytes.length - at < 2) break;
      const short = (bytes[at + 1] as number) & 0x7f;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (bytes.length - at < head) break;
      const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : bytes.readUInt32BE(at + 6);
      if (bytes.length - at < head + length) break;
      if (bytes[at] === 0x81) onText(bytes.toString("latin1", at + head, at + head + length));
      at += head + length;
    }
    rest = at < bytes.length ? Buffer.from(bytes.subarray(at)) : Buffer.alloc(0);
  };
}
