/** A connection over TCP as PROTOCOL.md has it, written by hand from the page: a 4-byte length, then the bytes. */
import { once } from "node:events";
import { connect } from "node:net";
import type { Link, LinkEvents } from "./link.ts";
import type { NativeServer } from "./native-server.ts";

export async function connectTcp({ tcpPort }: NativeServer, { text, end }: LinkEvents): Promise<Link> {
  const socket = connect({ host: "127.0.0.1", port: tcpPort, noDelay: true });
  await once(socket, "connect");
  let rest = Buffer.alloc(0);
  let torn = true;
  socket.on("data", (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
      const length = rest.readUInt32BE(0);
      text(rest.toString("utf8", 4, 4 + length));
      rest = rest.subarray(4 + length);
    }
  });
  socket.on("end", () => {
    torn = rest.length > 0;
  });
  socket.on("error", () => {});
  socket.on("close", () => end({ torn }));
  return {
    frame: tcpFrame,
    write: (bytes) => socket.write(bytes),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    cut: () => socket.destroy(),
  };
}

/** One frame: `payload` behind its length, or behind the `length` that a test pretends. */
export function tcpFrame(payload: string | Uint8Array, length = Buffer.byteLength(payload)): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(length);
  return Buffer.concat([prefix, Buffer.from(payload)]);
}
