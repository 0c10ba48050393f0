/** What Node leaves to whoever listens for upgrades: the errors of their sockets, and the answer to one that is not made. */
import type { Duplex } from "node:stream";

/** Answers with a line of text and closes. `headers`: whole lines, each with its CRLF. */
export function refuseUpgrade(socket: Duplex, status: number, reason: string, headers = ""): void {
  const body = `${reason}\n`;
  const all = `${headers}Content-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close`;
  // A peer that keeps its side open must not keep ours.
  socket.once("finish", () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} Refused\r\n${all}\r\n\r\n${body}`);
}

/** The listener for `error` of a socket that was upgraded, or is to be. One for all of them: each keeps its listeners. */
export function destroyOnError(this: Duplex): void {
  this.destroy();
}
