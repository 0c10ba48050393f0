/**
 * `parley.v1` over TCP: frames of a 4-byte big-endian length and that many bytes of UTF-8 JSON (PROTOCOL.md, "TCP").
 */
import type { Socket } from "node:net";
import { type Fault, type FrameFault, fail } from "@parley/protocol";
import type { Core } from "../../core/core.ts";
import type { Entry } from "../../engine/entry.ts";
import type { ServerTls } from "../../tls/server-tls.ts";
import type { Doors } from "../doors.ts";
import { FrameProgress } from "../frame-progress.ts";
import { encodeOne } from "../frames.ts";
import type { Gateway, GatewayLog } from "../gateway.ts";
import { IdleSweep } from "../idle-sweep.ts";
import { lengthPrefix } from "../length-prefix.ts";
import { listenTcp, tcpWire } from "../tcp-wire.ts";
import { TextFrames } from "../text-frames.ts";
import { encodeEntry } from "./codec.ts";
import { lastWords, NativeConnection } from "./native-connection.ts";

const name = "native-tcp";

export interface NativeTcpOptions {
  readonly core: Core;
  readonly host: string;
  readonly port: number;
  readonly maxOutboxBytes: number;
  readonly log: GatewayLog;
  readonly tls?: ServerTls | undefined;
  readonly doors?: Doors | undefined;
}

const faults: { readonly [F in FrameFault | "bad_utf8"]: string } = {
  bad_frame: "a frame of length 0",
  frame_too_large: "the frame is longer than allowed",
  bad_utf8: "the frame is not UTF-8",
};

const refusal = (fault: Fault) => encodeOne(JSON.stringify(lastWords(fault)), lengthPrefix);
const encodeShared = (entry: Entry) => encodeOne(encodeEntry(entry), lengthPrefix);

/** Listens. Rejects where the address cannot be had. */
export async function startNativeTcp(options: NativeTcpOptions): Promise<Gateway> {
  const sweep = new IdleSweep<NativeConnection>(options.core.limits.idleMs);
  const { url, stop } = await listenTcp({ ...options, name, refusal }, (socket) => accept(socket, options, sweep));
  return {
    name,
    listeners: [{ url, purpose: "native protocol over TCP: devices and programs" }],
    stop: () => {
      sweep.stop();
      const stopped = stop();
      for (const connection of sweep.connections) connection.stop();
      return stopped;
    },
  };
}

function accept(
  socket: Socket,
  { core, maxOutboxBytes, log }: NativeTcpOptions,
  sweep: IdleSweep<NativeConnection>,
): void {
  const progress = new FrameProgress(core.limits.idleMs);
  const frames = new TextFrames(
    0,
    (text, bytes) => connection.receive(text, bytes),
    (fault) => connection.refuse(fail(fault, faults[fault]).fault),
  );
  const wire = tcpWire(
    socket,
    { gateway: name, framing: lengthPrefix, maxOutboxBytes },
    {
      data: (chunk) => {
        if (progress.took(chunk.length, frames.push(chunk))) connection.heard();
      },
      drained: () => connection.drained(),
      gone: () => {
        sweep.connections.delete(connection);
        connection.gone();
      },
    },
  );
  const limitFrames = (maxBytes: number) => {
    frames.maxBytes = maxBytes;
  };
  const connection = new NativeConnection(core, wire, { encodeShared, limitFrames }, log);
  sweep.connections.add(connection);
}
