/**
 * `parley.v1` over TCP: frames of a 4-byte big-endian length and that many bytes of UTF-8 JSON (PROTOCOL.md, "TCP").
 */
import { isUtf8 } from "node:buffer";
import { createServer, type Server, type Socket } from "node:net";
import { FrameDecoder, type FrameFault, fail, lengthPrefixBytes } from "@parley/protocol";
import type { Core } from "../../core/core.ts";
import type { Entry } from "../../engine/entry.ts";
import { authority } from "../../http/authority.ts";
import type { Gateway, GatewayLog, Listener } from "../gateway.ts";
import { IdleSweep } from "../idle-sweep.ts";
import { encodeOne, type Framing, Outbox } from "../outbox.ts";
import { encodeEntry } from "./codec.ts";
import { NativeConnection } from "./native-connection.ts";

export interface NativeTcpOptions {
  readonly core: Core;
  readonly host: string;
  readonly port: number;
  readonly maxOutboxBytes: number;
  readonly log: GatewayLog;
}

const lengthPrefix: Framing = {
  headerBytes: () => lengthPrefixBytes,
  writeHeader: (buffer, offset, length) => buffer.writeUInt32BE(length, offset),
};

const faults: { readonly [F in FrameFault]: string } = {
  bad_frame: "a frame of length 0",
  frame_too_large: "the frame is longer than allowed",
};

const encodeShared = (entry: Entry) => encodeOne(encodeEntry(entry), lengthPrefix);
/** How long a peer may take to read what is left for it, once we have ended the connection. */
const lingerMs = 5_000;

/** Listens. Rejects where the address cannot be had. */
export async function startNativeTcp(options: NativeTcpOptions): Promise<Gateway> {
  const sweep = new IdleSweep<NativeConnection>(options.core.limits.idleMs);
  const server = createServer({ noDelay: true }, (socket) => accept(socket, options, sweep));
  const listener = await listen(server, options);
  return {
    name: "native-tcp",
    listeners: [listener],
    stop: () => {
      sweep.stop();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of sweep.connections) connection.stop();
      return closed;
    },
  };
}

async function listen(server: Server, { host, port, log }: NativeTcpOptions): Promise<Listener> {
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
  server.removeAllListeners("error").on("error", (error) => log.error("native-tcp listener", error));
  const address = server.address();
  const bound = typeof address === "object" && address ? address.port : port;
  return { url: `tcp://${authority(host, bound)}`, purpose: "native protocol over TCP: devices and programs" };
}

function accept(
  socket: Socket,
  { core, maxOutboxBytes, log }: NativeTcpOptions,
  sweep: IdleSweep<NativeConnection>,
): void {
  const decoder = new FrameDecoder(0, (payload) => {
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
    if (isUtf8(bytes)) connection.receive(bytes.toString());
    else connection.refuse(fail("bad_utf8", "the frame is not UTF-8").fault);
  });
  const outbox = new Outbox(socket, lengthPrefix, maxOutboxBytes, () => connection.drained());
  const connection = new NativeConnection(
    core,
    {
      info: { gateway: "native-tcp", address: `${socket.remoteAddress}:${socket.remotePort}` },
      outbox,
      encodeShared,
      limitFrames: (maxBytes) => {
        decoder.maxBytes = maxBytes;
      },
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      probe: () => {},
      end: () => {
        // A peer that was not read from could not tell that it is done.
        socket.resume();
        socket.end();
        setTimeout(() => socket.destroy(), lingerMs).unref();
      },
    },
    log,
  );
  sweep.connections.add(connection);
  socket.on("data", (chunk) => {
    connection.heard();
    const fault = decoder.push(chunk);
    if (fault) connection.refuse(fail(fault, faults[fault]).fault);
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    sweep.connections.delete(connection);
    connection.gone();
  });
}
