/** The server's side of the opening handshake of WebSocket (RFC 6455, section 4.2): what a request is answered. */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";

export type HandshakeAnswer =
  | {
      readonly accepted: true;
      /** All that is to be written. */
      readonly head: string;
    }
  | {
      readonly accepted: false;
      readonly status: number;
      readonly reason: string;
      /** Lines that the answer has to have, each with its CRLF. */
      readonly headers?: string;
    };

const version = "13";
/** The base64 of 16 bytes (section 4.1, point 7). */
const keyPattern = /^[+/0-9A-Za-z]{22}==$/;
/** Section 1.3. */
const keySuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** RFC 9110, section 5.6.2. */
const tokenPattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Answers a request to upgrade; no extension is agreed to. `subprotocol`: the one that is spoken where it is offered. */
export function answerHandshake(
  { method, headers }: Pick<IncomingMessage, "method" | "headers">,
  subprotocol?: string,
): HandshakeAnswer {
  const refused = (status: number, reason: string) => ({ accepted: false, status, reason }) as const;
  if (method !== "GET") return refused(405, "the method of a WebSocket handshake is GET");
  if (headers.upgrade?.toLowerCase() !== "websocket") return refused(400, "the upgrade is not one to websocket");
  const key = headers["sec-websocket-key"];
  if (key === undefined || !keyPattern.test(key)) return refused(400, "Sec-WebSocket-Key is missing or malformed");
  if (headers["sec-websocket-version"] !== version) {
    const supported = `Sec-WebSocket-Version: ${version}\r\n`;
    return { ...refused(400, `the version of WebSocket is ${version}`), headers: supported };
  }
  const offered = subprotocolsOf(headers["sec-websocket-protocol"]);
  if (!offered) return refused(400, "Sec-WebSocket-Protocol is malformed");
  const accept = createHash("sha1")
    .update(key + keySuffix)
    .digest("base64");
  const chosen =
    subprotocol !== undefined && offered.includes(subprotocol) ? `Sec-WebSocket-Protocol: ${subprotocol}\r\n` : "";
  const agreed = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${chosen}`;
  return { accepted: true, head: `HTTP/1.1 101 Switching Protocols\r\n${agreed}\r\n` };
}

/** Tokens, each once (section 4.1, point 10); undefined: it is something else. */
function subprotocolsOf(header: string | undefined): readonly string[] | undefined {
  if (header === undefined) return [];
  const offered = header.split(",").map((protocol) => protocol.trim());
  return offered.every((protocol) => tokenPattern.test(protocol)) && new Set(offered).size === offered.length
    ? offered
    : undefined;
}
