/**
 * From what the application wants to send to the fields of the protocol's `send`. Checks what the server would refuse
 * without being able to say which send it was.
 */
import { encodeBase64 } from "./base64.ts";
import { ParleyError } from "./errors.ts";
import type { StoredSend } from "./persistence.ts";

/** What a send may say besides recipient and body. Meanings and bounds: PROTOCOL.md, `send`. */
export interface SendOptions {
  /** Your own id for it (1 to 64 printable ASCII characters): a repeat under the same id is stored once. Default: random. */
  readonly clientId?: string;
  /** Default `text/plain`; for bytes `application/octet-stream`. */
  readonly contentType?: string;
  /** The application's own word for what this is. */
  readonly type?: string;
  /** Milliseconds after which it is not delivered any more. */
  readonly ttl?: number;
  /** `memory`: answered before it is on disk. Default `fsync`. */
  readonly durability?: "fsync" | "memory";
  /** Whether the sender's own log gets a copy. Default true. */
  readonly copy?: boolean;
  /** Ask for `receipt` events when it was delivered and read. */
  readonly receipt?: boolean;
}

const clientIdPattern = /^[!-~]{1,64}$/;
const maxAddressLength = 256;
const maxRecipients = 100;
const maxContentTypeLength = 128;
const maxTypeLength = 64;
const maxTtlMs = 31_536_000_000;

/** Makes the fields of a send. Throws `bad_argument`. */
export function createSend(
  to: string | readonly string[],
  body: string | Uint8Array,
  clientId: string,
  options: SendOptions,
): StoredSend {
  checkRecipients(to);
  if (!clientIdPattern.test(clientId)) throw bad("a clientId has 1 to 64 printable ASCII characters without spaces");
  checkOptions(options);
  if (typeof body === "string" && !body.isWellFormed()) throw bad("the body has half of a surrogate pair in it");
  const fields = { ...options, clientId, to: typeof to === "string" ? to : [...to] };
  if (typeof body === "string") return { ...fields, body };
  if (!(body instanceof Uint8Array)) throw bad("a body is a string or a Uint8Array");
  const contentType = options.contentType ?? "application/octet-stream";
  return { ...fields, body: encodeBase64(body), encoding: "base64", contentType };
}

function checkRecipients(to: string | readonly string[]): void {
  const addresses = typeof to === "string" ? [to] : to;
  if (!Array.isArray(addresses) || addresses.length === 0 || addresses.length > maxRecipients)
    throw bad(`a message has 1 to ${maxRecipients} recipients`);
  for (const address of addresses) {
    if (typeof address !== "string" || address.length === 0 || address.length > maxAddressLength)
      throw bad(`an address has 1 to ${maxAddressLength} characters`);
  }
}

function checkOptions({ ttl, contentType, type }: SendOptions): void {
  if (ttl !== undefined && !(Number.isSafeInteger(ttl) && ttl > 0 && ttl <= maxTtlMs))
    throw bad(`ttl is a whole number of milliseconds, 1 to ${maxTtlMs}`);
  checkLength("contentType", contentType, maxContentTypeLength);
  checkLength("type", type, maxTypeLength);
}

function checkLength(what: string, text: string | undefined, max: number): void {
  if (text !== undefined && (text.length === 0 || text.length > max)) throw bad(`${what} has 1 to ${max} characters`);
}

function bad(message: string): ParleyError {
  return new ParleyError("bad_argument", message);
}
