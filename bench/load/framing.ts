/** How a text becomes a frame of a client, and where the frames are in what a server says: WebSocket and length prefixes. */
import { randomBytes } from "node:crypto";
import type { Heard, Link, OnMessage, Scan } from "./link.ts";

/** What a frame is: judged by its bytes from `start` to before `end`. Throws where the server refuses. */
export type Judge = (bytes: Buffer, start: number, end: number) => "delivery" | "answer" | "other";

export interface Carrier {
  /** The frame of a client with this ASCII text. */
  frame(text: string): Buffer;
  /** Counts the frames of a server. */
  scanner(judge: Judge): Scan;
}

function note(judged: ReturnType<Judge>, heard: Heard): void {
  if (judged === "delivery") heard.deliveries += 1;
  else if (judged === "answer") heard.answers += 1;
}

/** RFC 6455. Client frames have a mask of zeros, which is allowed and lets templates be patched. */
export const webSocket: Carrier = {
  frame(text) {
    const { length } = text;
    const head = length < 126 ? 6 : 8;
    const frame = Buffer.alloc(head + length);
    frame[0] = 0x81;
    frame[1] = 0x80 | Math.min(length, 126);
    if (length >= 126) frame.writeUInt16BE(length, 2);
    frame.write(text, head, "latin1");
    return frame;
  },
  scanner: (judge) => (bytes, end, heard, onMessage?: OnMessage) => {
    let at = 0;
    while (end - at >= 2) {
      const short = (bytes[at + 1] as number) & 0x7f;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (end - at < head) break;
      const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : bytes.readUInt32BE(at + 6);
      const start = at + head;
      if (end - start < length) break;
      at = start + length;
      if (bytes[start - head] !== 0x81) continue;
      const judged = judge(bytes, start, at);
      note(judged, heard);
      if (onMessage && judged === "delivery") onMessage(bytes, start, at);
    }
    return at;
  },
};

/** Four bytes of length, big-endian, before each payload. */
export const lengthPrefixed: Carrier = {
  frame(text) {
    const frame = Buffer.allocUnsafe(4 + text.length);
    frame.writeUInt32BE(text.length);
    frame.write(text, 4, "latin1");
    return frame;
  },
  scanner: (judge) => (bytes, end, heard, onMessage?: OnMessage) => {
    let at = 0;
    while (end - at >= 4) {
      const start = at + 4;
      const length = bytes.readUInt32BE(at);
      if (end - start < length) break;
      at = start + length;
      const judged = judge(bytes, start, at);
      note(judged, heard);
      if (onMessage && judged === "delivery") onMessage(bytes, start, at);
    }
    return at;
  },
};

/** Upgrades to WebSocket. */
export async function upgrade(link: Link, path: string, subprotocol?: string): Promise<void> {
  const key = randomBytes(16).toString("base64");
  const offer = subprotocol === undefined ? "" : `Sec-WebSocket-Protocol: ${subprotocol}\r\n`;
  const answered = link.expect((text) => (text.includes("\r\n\r\n") ? text : undefined));
  link.send(
    Buffer.from(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n${offer}\r\n`,
    ),
  );
  const answer = await answered;
  if (!answer.startsWith("HTTP/1.1 101")) throw new Error(`no upgrade: ${answer}`);
}
