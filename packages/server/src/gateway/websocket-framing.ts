/** A WebSocket text frame from server to client: final, not masked (RFC 6455, section 5.2). Hot path. */
import type { Framing } from "./outbox.ts";

const finalText = 0x81;

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
