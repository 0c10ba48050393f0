/**
 * WebSocket frames by hand (RFC 6455, section 5): what a client may send, what it must not, and a parser for what the
 * server sends that throws where a server breaks the RFC. No library, so that no library hides a fault.
 */
import assert from "node:assert/strict";

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameOptions {
  readonly opcode?: number;
  readonly fin?: boolean;
  /** The three reserved bits, as a number from 0 to 7. */
  readonly reserved?: number;
  readonly masked?: boolean;
  /** The length in the header, where a test pretends another than the true one. */
  readonly length?: number | bigint;
}

/** The mask of the RFC's own example. */
const mask = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

/** One frame as a client sends it. */
export function clientFrame(
  payload: string | Uint8Array,
  { opcode = opcodes.text, fin = true, reserved = 0, masked = true, length }: FrameOptions = {},
): Buffer {
  const bytes = Buffer.from(payload);
  const announced = BigInt(length ?? bytes.length);
  const header = Buffer.alloc(announced < 126n ? 2 : announced < 65_536n ? 4 : 10);
  header[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  header[1] = (masked ? 0x80 : 0) | (announced < 126n ? Number(announced) : announced < 65_536n ? 126 : 127);
  if (header.length === 4) header.writeUInt16BE(Number(announced), 2);
  if (header.length === 10) header.writeBigUInt64BE(announced, 2);
  if (!masked) return Buffer.concat([header, bytes]);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i] as number) ^ (mask[i % 4] as number);
  return Buffer.concat([header, mask, bytes]);
}

/** A close frame with a code, or without. */
export function closeFrame(code?: number, reason = ""): Buffer {
  const payload = Buffer.alloc(code === undefined ? 0 : 2 + Buffer.byteLength(reason));
  if (code !== undefined) {
    payload.writeUInt16BE(code);
    payload.write(reason, 2);
  }
  return clientFrame(payload, { opcode: opcodes.close });
}

export interface ServerFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Cuts the server's stream into frames. Throws where the server breaks the RFC. */
export class ServerFrames {
  #rest = Buffer.alloc(0);

  push(chunk: Buffer): ServerFrame[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const frames: ServerFrame[] = [];
    for (let frame = this.#take(); frame; frame = this.#take()) frames.push(frame);
    return frames;
  }

  /** Bytes of a frame that has not come to its end. */
  get pendingBytes(): number {
    return this.#rest.length;
  }

  #take(): ServerFrame | undefined {
    const bytes = this.#rest;
    const short = (bytes[1] ?? 0) & 0x7f;
    const headerBytes = short === 127 ? 10 : short === 126 ? 4 : 2;
    if (bytes.length < headerBytes) return undefined;
    const length = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
    if (bytes.length < headerBytes + length) return undefined;
    const opcode = (bytes[0] as number) & 0x0f;
    assert.equal((bytes[0] as number) & 0xf0, 0x80, "a server's frame is final and has no reserved bit");
    assert.equal((bytes[1] as number) & 0x80, 0, "a server's frame is not masked");
    assert.equal(headerBytes, length < 126 ? 2 : length < 65_536 ? 4 : 10, "a length is written as short as it can be");
    assert.ok(opcode < 8 || length < 126, "a control frame is short");
    this.#rest = bytes.subarray(headerBytes + length);
    return { opcode, payload: bytes.subarray(headerBytes, headerBytes + length) };
  }
}
