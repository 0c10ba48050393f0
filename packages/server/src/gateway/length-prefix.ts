/** Frames of a 4-byte big-endian length and that many bytes (PROTOCOL.md, "TCP"), as they go out. Hot path. */
import { lengthPrefixBytes } from "@parley/protocol";
import type { Framing } from "./frames.ts";

export const lengthPrefix: Framing = {
  headerBytes: () => lengthPrefixBytes,
  writeHeader: (buffer, offset, length) => buffer.writeUInt32BE(length, offset),
};
