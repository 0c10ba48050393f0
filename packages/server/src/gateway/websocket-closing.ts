/** Close codes of WebSocket, and what a close frame holds (RFC 6455, sections 5.5.1 and 7.4). */
import { isUtf8 } from "node:buffer";

/** Codes with which a receiver ends a connection (RFC 6455, section 7.4.1). */
export const closeCodes = { protocolError: 1002, invalidText: 1007, policyViolation: 1008, tooBig: 1009 } as const;

export type CloseCode = (typeof closeCodes)[keyof typeof closeCodes];

/** Most that a control frame holds, less the code. */
const maxReasonBytes = 123;

/** The payload of a close frame. Throws `RangeError` where the reason is longer than 123 bytes of UTF-8. */
export function closePayload(code: number, reason = ""): Buffer {
  const text = Buffer.from(reason);
  if (text.length > maxReasonBytes) throw new RangeError(`a close reason of ${text.length} bytes`);
  return Buffer.concat([Buffer.of(code >> 8, code & 0xff), text]);
}

/** What is wrong with what a peer's close frame holds, which is never a single byte: the code to answer; undefined: nothing. */
export function closeFault(payload: Buffer): CloseCode | undefined {
  if (payload.length === 0) return undefined;
  if (!mayBeSent(payload.readUInt16BE(0))) return closeCodes.protocolError;
  return isUtf8(payload.subarray(2)) ? undefined : closeCodes.invalidText;
}

/** Registered ones (1004 to 1006 never stand in a frame), those of libraries, and those of applications. */
function mayBeSent(code: number): boolean {
  return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999);
}
