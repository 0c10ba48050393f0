/**
 * How the level engine lays things out in LevelDB: keys, and the text of chunks, journal records and dedupe buckets
 * (docs/adr/0001-storage-layout.md). Every value that holds messages is sealed with a CRC-32 of its own, because
 * LevelDB by default neither verifies the checksums of its tables nor says when it dropped a record of its log.
 */
import { crc32 } from "node:zlib";
import type { LogName } from "@parley/protocol";
import type { Append, LogPosition } from "../engine.ts";
import { Entry } from "../entry.ts";

/** Data that is not what was written: the message says which key. */
export class CorruptStore extends Error {
  override readonly name = "CorruptStore";
}

const separator = "\0";

function sortable(n: number): string {
  return n.toString(36).padStart(11, "0");
}

export const keys = {
  schema: "!schema",
  /** JSON: the number that the next journal record after a checkpoint has. */
  journalStart: "!journal",
  journal: (n: number) => `j!${sortable(n)}`,
  head: (log: string) => `h!${log}`,
  /** JSON: the volume that chunks are written to now, and its bytes. */
  volume: "!volume",
  chunk: (volume: number, log: string, firstSeq: number) =>
    `c!${sortable(volume)}!${log}${separator}${sortable(firstSeq)}`,
  record: (kind: string, key: string) => `r!${kind}!${key}`,
  bloom: (generation: number) => `b!${sortable(generation)}`,
  generation: (generation: number) => `g!${sortable(generation)}`,
  /** A run's table, and its receipts in pages. */
  table: (generation: number, run: number) => `d!${sortable(generation)}!${sortable(run)}!table`,
  receipts: (generation: number, run: number, page: number) =>
    `d!${sortable(generation)}!${sortable(run)}!${sortable(page)}`,
  dedupe: (generation: number) => `d!${sortable(generation)}!`,
} as const;

/** The range of keys that begin with `prefix` (keys are UTF-8; no key contains U+10FFFF). */
export function prefixRange(prefix: string): { gte: string; lt: string } {
  return { gte: prefix, lt: `${prefix}\u{10ffff}` };
}

/** The volume that a chunk's key begins with. */
export function chunkVolume(key: string): number {
  return Number.parseInt(key.slice(2, key.indexOf("!", 2)), 36);
}

/** The seq that a chunk's key ends with. */
export function chunkFirstSeq(key: string): number {
  return Number.parseInt(key.slice(key.lastIndexOf(separator) + 1), 36);
}

/** Text to bytes with a CRC-32 before them. */
export function seal(text: string): Buffer {
  const bytes = Buffer.allocUnsafe(4 + Buffer.byteLength(text));
  bytes.write(text, 4);
  bytes.writeUInt32BE(crc32(bytes.subarray(4)), 0);
  return bytes;
}

/** Bytes with a CRC-32 before them. */
export function sealBytes(content: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(4 + content.length);
  bytes.set(content, 4);
  bytes.writeUInt32BE(crc32(content), 0);
  return bytes;
}

/** The text that was sealed. Throws `CorruptStore` where the bytes are others. */
export function unseal(bytes: Uint8Array, key: string): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const body = buffer.subarray(4);
  if (buffer.length < 4 || crc32(body) !== buffer.readUInt32BE(0))
    throw new CorruptStore(`checksum of ${JSON.stringify(key)} does not match`);
  return body.toString();
}

/** Consecutive entries of one log, stored as one value. */
export interface Chunk {
  /** Payload bytes of the log before this chunk, trimmed ones included. */
  readonly offset: number;
  readonly entries: readonly Entry[];
}

/** `entries` are consecutive in seq. The first seq is in the key. */
export function encodeChunk({ offset, entries }: Chunk): Buffer {
  let text = `${offset}\n`;
  for (const { origin, expiresAt, payload } of entries) text += `${origin}\t${expiresAt}\t${payload}\n`;
  return seal(text);
}

export function decodeChunk(log: LogName, epoch: string, key: string, bytes: Uint8Array): Chunk {
  const text = unseal(bytes, key);
  const entries: Entry[] = [];
  let seq = chunkFirstSeq(key);
  let start = text.indexOf("\n") + 1;
  const offset = Number(text.slice(0, start - 1));
  while (start < text.length) {
    const end = text.indexOf("\n", start);
    const tab = text.indexOf("\t", start);
    const tab2 = text.indexOf("\t", tab + 1);
    entries.push(
      new Entry(
        log,
        epoch,
        seq++,
        text.slice(tab2 + 1, end),
        text.slice(start, tab),
        Number(text.slice(tab + 1, tab2)),
      ),
    );
    start = end + 1;
  }
  return { offset, entries };
}

/** What is remembered of an append. */
export interface Receipt {
  /** "" where the append had none. */
  readonly dedupeKey: string;
  readonly digest: string;
  readonly id: string;
  readonly ts: number;
  readonly positions: readonly LogPosition[];
}

/** One append in the journal: what recovery needs to do it again. */
export interface JournalLine {
  readonly receipt: Receipt;
  readonly origin: string;
  readonly expiresAt: number;
  readonly payload: string;
}

/**
 * What is remembered of an append, as a line of text.
 * `entries` are what `append` became.
 */
export function encodeReceipt({ dedupeKey, digest, id, ts }: Append, entries: readonly Entry[]): string {
  let targets = "";
  for (const { log, epoch, seq } of entries)
    targets += targets === "" ? `${log}=${epoch}=${seq}` : `,${log}=${epoch}=${seq}`;
  return `${dedupeKey ?? ""}\t${digest}\t${id}\t${ts}\t${targets}\n`;
}

/** The second half of its journal line. */
export function encodeContent({ origin, expiresAt, payload }: Append): string {
  return `${origin}	${expiresAt}	${payload}
`;
}

/** One commit in the journal: the receipts of its appends, then their contents, in the same order. */
export interface JournalRecord {
  /** The record as it is written. */
  readonly value: Buffer;
  /** The receipts' part of `value`: lines as `encodeReceipt` makes them, each ended. */
  readonly receipts: Buffer;
}

export function encodeJournal(receipts: string, contents: string): JournalRecord {
  const value = seal(`${receipts}
${contents}`);
  return { value, receipts: value.subarray(4, 4 + Buffer.byteLength(receipts)) };
}

function decodeReceipt(receipt: string): Receipt {
  const [dedupeKey = "", digest = "", id = "", ts, targets = ""] = receipt.split("\t");
  const positions = targets.split(",").map((target) => {
    const [log = "", epoch = "", seq] = target.split("=");
    return { log: log as LogName, epoch, seq: Number(seq) };
  });
  return { dedupeKey, digest, id, ts: Number(ts), positions };
}

/** Takes a record of the journal apart. `receipts` is the part that `encodeJournal` told. */
export function decodeJournal(key: string, value: Buffer): { lines: JournalLine[]; receipts: Buffer } {
  const text = unseal(value, key);
  const end = text.indexOf("\n\n") + 1;
  const receipts = text.slice(0, end).split("\n");
  const contents = text.slice(end + 1).split("\n");
  receipts.pop();
  const lines = receipts.map((line, i) => {
    const [origin = "", expiresAt, payload = ""] = (contents[i] ?? "").split("\t");
    return { receipt: decodeReceipt(line), origin, expiresAt: Number(expiresAt), payload };
  });
  return { lines, receipts: value.subarray(4, 4 + Buffer.byteLength(text.slice(0, end))) };
}

/** The receipt with that dedupe key among receipts of `encodeReceipt`. */
export function findReceipt(receipts: string, key: string): Receipt | undefined {
  const needle = `${key}\t`;
  const start = receipts.startsWith(needle) ? 0 : receipts.indexOf(`\n${needle}`) + 1;
  if (start === 0 && !receipts.startsWith(needle)) return undefined;
  return decodeReceipt(receipts.slice(start, receipts.indexOf("\n", start)));
}
