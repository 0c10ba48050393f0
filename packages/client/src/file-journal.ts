/**
 * The format of the journal file: a header line, then one line per save: CRC-32 of the JSON in eight hex digits, a space,
 * the JSON list of changes. Only the last line may be damaged (the process or the machine went down while writing it);
 * damage before it is refused, because what follows it cannot be trusted to be complete.
 */
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { ParleyError } from "./errors.ts";
import type { Change } from "./persistence.ts";

const headerText = "parley client journal 1\n";
const headerPrefix = "parley client journal ";
const newline = 10;
const checksumDigits = 8;

export function encodeHeader(): Buffer {
  return Buffer.from(headerText);
}

/** One save as a line. */
export function encodeRecord(changes: readonly Change[]): Buffer {
  const json = Buffer.from(JSON.stringify(changes));
  return Buffer.concat([Buffer.from(`${checksum(json)} `), json, Buffer.from("\n")]);
}

/**
 * Reads a journal. `validBytes` is where the next record belongs; 0 when there is not even a header. Throws
 * `persistence_failed` for a file of another kind or a newer version, and for damage before the last line.
 */
export function decodeJournal(bytes: Buffer, path: string): { batches: Change[][]; validBytes: number } {
  const header = encodeHeader();
  if (!bytes.subarray(0, header.length).equals(header.subarray(0, bytes.length))) throw notOurs(bytes, path);
  if (bytes.length < header.length) return { batches: [], validBytes: 0 };
  const batches: Change[][] = [];
  let offset = header.length;
  while (offset < bytes.length) {
    const end = bytes.indexOf(newline, offset);
    const changes = end < 0 ? undefined : decodeRecord(bytes.subarray(offset, end));
    if (!changes) {
      if (end >= 0 && end + 1 < bytes.length)
        throw broken(`${path} is damaged at byte ${offset}: restore it, or remove it to start anew`);
      break;
    }
    batches.push(changes);
    offset = end + 1;
  }
  return { batches, validBytes: offset };
}

function decodeRecord(line: Buffer): Change[] | undefined {
  const json = line.subarray(checksumDigits + 1);
  if (line.toString("latin1", 0, checksumDigits + 1) !== `${checksum(json)} `) return undefined;
  return JSON.parse(json.toString("utf8")) as Change[];
}

function checksum(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(checksumDigits, "0");
}

function notOurs(bytes: Buffer, path: string): ParleyError {
  const isNewer = bytes.toString("latin1", 0, headerPrefix.length) === headerPrefix;
  return broken(
    isNewer ? `${path} was written by a newer version of the client` : `${path} is not a journal of a Parley client`,
  );
}

function broken(message: string): ParleyError {
  return new ParleyError("persistence_failed", message);
}
