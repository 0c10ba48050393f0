/**
 * Recorded valid traffic (`corpus/`, made by `record-corpus.ts`): what one client sent over one connection, as raw bytes;
 * of datagrams, one in each line. Here a recording is cut into units and put together again.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { FrameDecoder } from "@parley/protocol";
import { clientFrame } from "../native/web-socket-wire.ts";
import type { Carrier } from "./listeners.ts";

const directory = join(import.meta.dirname, "corpus");

/** Stands in recordings where the client sent a token: tokens are the server's, and expire. */
export const tokenPlaceholder = "{{token}}";

export interface Unit {
  readonly kind: "request" | "frame" | "datagram";
  /** What the application said, without its framing. */
  readonly payload: Buffer;
  /** The opcode of a WebSocket frame. */
  readonly opcode: number;
}

export interface Recording {
  readonly name: string;
  readonly carrier: Carrier;
  readonly units: readonly Unit[];
}

/** The recordings of a listener, by name. Throws where there are none. */
export function readRecordings(listener: string, carrier: Carrier): Recording[] {
  const names = readdirSync(directory).filter((name) => name.startsWith(`${listener}.`));
  if (names.length === 0) throw new Error(`no recordings of ${listener} in ${directory}`);
  return names.sort().map((name) => ({ name, carrier, units: split(readFileSync(join(directory, name)), carrier) }));
}

/** Cuts the bytes of one connection into units. */
export function split(bytes: Buffer, carrier: Carrier): Unit[] {
  switch (carrier) {
    case "http":
      return splitRequests(bytes);
    case "websocket": {
      const [head = "", ...others] = splitRequests(bytes).slice(0, 1);
      const start = head === "" ? 0 : head.payload.length;
      return [...(head === "" ? [] : [head]), ...others, ...splitMasked(bytes.subarray(start))];
    }
    case "length": {
      const units: Unit[] = [];
      new FrameDecoder(bytes.length, (payload) => units.push(frame(Buffer.from(payload)))).push(bytes);
      return units;
    }
    case "lines":
      return splitLines(bytes).map((line) => frame(line));
    case "datagram":
      return splitLines(bytes).map((payload) => ({ kind: "datagram", payload, opcode: 0 }));
  }
}

/** One unit as it stands on the wire, as valid as its payload is. */
export function encodeUnit(unit: Unit, carrier: Carrier): Buffer {
  if (unit.kind !== "frame") return unit.payload;
  if (carrier === "websocket") return clientFrame(unit.payload, { opcode: unit.opcode });
  if (carrier === "lines") return Buffer.concat([unit.payload, Buffer.from("\n")]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(unit.payload.length);
  return Buffer.concat([length, unit.payload]);
}

const frame = (payload: Buffer, opcode = 1): Unit => ({ kind: "frame", payload, opcode });

function splitLines(bytes: Buffer): Buffer[] {
  const lines = bytes.toString("latin1").split("\n");
  return lines.filter((line) => line !== "").map((line) => Buffer.from(line, "latin1"));
}

function splitRequests(bytes: Buffer): Unit[] {
  const units: Unit[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf("\r\n\r\n", at);
    if (end < 0) break;
    const head = bytes.toString("latin1", at, end + 4);
    const bodyBytes = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    units.push({ kind: "request", payload: bytes.subarray(at, end + 4 + bodyBytes), opcode: 0 });
    at = end + 4 + bodyBytes;
  }
  return units;
}

/** A client's frames: always masked. */
function splitMasked(bytes: Buffer): Unit[] {
  const units: Unit[] = [];
  for (let at = 0; at + 6 <= bytes.length; ) {
    const short = (bytes[at + 1] as number) & 0x7f;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const length =
      short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short === 126 ? bytes.readUInt16BE(at + 2) : short;
    const start = at + 2 + lengthBytes + 4;
    const mask = bytes.subarray(start - 4, start);
    const payload = Buffer.from(bytes.subarray(start, start + length));
    for (let i = 0; i < payload.length; i++) payload[i] = (payload[i] as number) ^ (mask[i % 4] as number);
    units.push(frame(payload, (bytes[at] as number) & 0x0f));
    at = start + length;
  }
  return units;
}
