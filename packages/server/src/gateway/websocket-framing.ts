/** WebSocket frames from server to client: final, not masked (RFC 6455, section 5.2). Text frames are the hot path. */
import type { Framing } from "./frames.ts";

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const finalBit = 0x80;
const finalText = finalBit | opcodes.text;

export const webSocketText: Framing = {
  headerBytes: (length) => (length < 126 ? 2 : length < 65_536 ? 4 : 10),
  writeHeader: (buffer, offset, length) => {
    buffer[offset] = finalText;
    if (length < 126) buffer[offset + 1] = length;
    else if (length < 65_536) {
      buffer[offset + 1] = 126;
      buffer.writeUInt16BE(length, offset + 2);
    } else {
      buffer[offset + 1] = 127;
      buffer.writeUInt32BE(Math.floor(length / 2 ** 32), offset + 2);
      buffer.writeUInt32BE(length >>> 0, offset + 6);
    }
  },
};

/** A whole control frame. Its payload has at most 125 bytes (section 5.5). */
export function controlFrame(opcode: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.of(finalBit | opcode, payload.length), payload]);
}
