/** What a server says where lines announce payloads: NATS. */
import type { Scan } from "./link.ts";

const [lf, cr, space, capitalM, capitalP, minus] = Buffer.from("\n\r MP-");

/** What a `MSG` line's subject begins with, where it is an answer and not a delivery: the inbox of the sender. */
const [inboxFirst] = Buffer.from("_");
const subjectAt = "MSG ".length;

/**
 * Counts `MSG subject sid [reply] bytes\r\npayload\r\n` (docs.nats.io, "Client protocol"): to an inbox it is an answer, else
 * a delivery. `onPing` is told of pings.
 */
export function natsScanner(onPing: () => void): Scan {
  return (bytes, end, heard, onMessage) => {
    let at = 0;
    while (at < end) {
      let lineEnd = at;
      while (lineEnd < end && bytes[lineEnd] !== lf) lineEnd += 1;
      if (lineEnd === end) break;
      if (bytes[at] !== capitalM) {
        if (bytes[at] === minus) throw new Error(`the server says ${bytes.toString("latin1", at, lineEnd)}`);
        if (bytes[at] === capitalP && bytes[at + 2] === "N".charCodeAt(0)) onPing();
        at = lineEnd + 1;
        continue;
      }
      let size = 0;
      let digit = 1;
      for (let i = lineEnd - 2; bytes[i] !== space; i--) {
        size += ((bytes[i] as number) - 0x30) * digit;
        digit *= 10;
      }
      const next = lineEnd + 1 + size + 2;
      if (next > end || bytes[lineEnd - 1] !== cr) break;
      if (bytes[at + subjectAt] === inboxFirst) heard.answers += 1;
      else {
        heard.deliveries += 1;
        if (onMessage) onMessage(bytes, lineEnd + 1, next - 2);
      }
      at = next;
    }
    return at;
  };
}
