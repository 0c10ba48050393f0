/**
 * One commit as it stands in the journal: a head (magic, number, the last number known to be on disk, length, CRC-32),
 * then text: the changed records as one line of JSON, the receipts of its appends, an empty line, their contents. The
 * magic has a byte that UTF-8 never has: no message can look like a record. Hot path (`npm run bench`).
 */
import { crc32 } from "node:zlib";
import type { Append } from "../engine.ts";
import type { ContentPlace } from "./held-entries.ts";
import { decodeReceipt, type Receipt } from "./receipt.ts";
import type { RecordChange } from "./records.ts";

/** `receipts` and `contents` are lines of `encodeReceipt` and `encodeContent`, in the same order. */
export interface JournalBody {
  readonly changes: readonly RecordChange[];
  readonly receipts: string;
  readonly contents: string;
}

/** One append in the journal: what recovery needs to do it again. */
export interface JournalLine {
  readonly receipt: Receipt;
  readonly content: ContentPlace;
}

export interface JournalRecord {
  readonly number: number;
  /** Every record up to this number was on disk when this one was written. */
  readonly durable: number;
  readonly changes: readonly RecordChange[];
  readonly lines: readonly JournalLine[];
  /** The receipts' part of the text. */
  readonly receipts: Buffer;
  /** The size of the record. */
  readonly bytes: number;
}

export const magic = Buffer.from([0xff, 0x50, 0x4a, 0x02]);
const numberAt = 4;
const durableAt = 10;
const lengthAt = 16;
const crcAt = 20;
const headBytes = 24;

export function encodeContent({ origin, expiresAt, payload }: Append): string {
  return `${origin}\t${expiresAt}\t${payload}\n`;
}

/** The size of `encodeContent` in bytes; `payloadBytes` is that of the payload. */
export function contentBytes({ origin, expiresAt }: Append, payloadBytes: number): number {
  return Buffer.byteLength(origin) + String(expiresAt).length + payloadBytes + 3;
}

/** Builds records in one buffer, which is used again for the next: one record at a time. */
export class JournalEncoder {
  #buffer = Buffer.allocUnsafeSlow(64 * 1024);

  /** The record, valid until the next call, and of it to keep the receipts and the contents. */
  encode(
    number: number,
    durable: number,
    { changes, receipts, contents }: JournalBody,
  ): { readonly record: Buffer; readonly receipts: Buffer; readonly contents: Buffer } {
    const changed = encodeChanges(changes);
    const changedBytes = Buffer.byteLength(changed);
    const receiptBytes = Buffer.byteLength(receipts);
    const size = headBytes + changedBytes + 1 + receiptBytes + 1 + Buffer.byteLength(contents);
    const buffer = this.#room(size);
    let at = headBytes;
    at += buffer.write(changed, at);
    at = buffer.writeUInt8(newline, at);
    const receiptsAt = at;
    at += buffer.write(receipts, at);
    at = buffer.writeUInt8(newline, at);
    const contentsAt = at;
    buffer.write(contents, at);
    magic.copy(buffer);
    buffer.writeUIntBE(number, numberAt, 6);
    buffer.writeUIntBE(durable, durableAt, 6);
    buffer.writeUInt32BE(size - headBytes, lengthAt);
    const record = buffer.subarray(0, size);
    buffer.writeUInt32BE(checksum(record), crcAt);
    return {
      record,
      receipts: Buffer.from(record.subarray(receiptsAt, receiptsAt + receiptBytes)),
      contents: Buffer.from(record.subarray(contentsAt)),
    };
  }

  #room(size: number): Buffer {
    if (size > maxKeptBytes) return Buffer.allocUnsafeSlow(size);
    if (this.#buffer.length < size) this.#buffer = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(size)));
    return this.#buffer;
  }
}

const newline = 0x0a;
const maxKeptBytes = 1024 * 1024;

function checksum(record: Buffer): number {
  return crc32(record.subarray(headBytes), crc32(record.subarray(0, crcAt)));
}

function encodeChanges(changes: readonly RecordChange[]): string {
  if (changes.length === 0) return "";
  return `[${changes.map(([key, text]) => `[${JSON.stringify(key)},${text ?? "null"}]`).join(",")}]`;
}

/** The record that begins at `at`; undefined where there is no whole and undamaged one. */
export function decodeRecord(file: Buffer, at: number): JournalRecord | undefined {
  if (file.length - at < headBytes || !file.subarray(at, at + magic.length).equals(magic)) return undefined;
  const bytes = headBytes + file.readUInt32BE(at + lengthAt);
  const record = file.subarray(at, at + bytes);
  if (record.length < bytes || checksum(record) !== record.readUInt32BE(crcAt)) return undefined;
  const number = record.readUIntBE(numberAt, 6);
  const durable = record.readUIntBE(durableAt, 6);
  return { number, durable, bytes, ...decodeText(record.subarray(headBytes)) };
}

function decodeText(text: Buffer): Pick<JournalRecord, "changes" | "lines" | "receipts"> {
  const receiptsAt = text.indexOf(newline) + 1;
  const receiptsEnd = text[receiptsAt] === newline ? receiptsAt : text.indexOf("\n\n", receiptsAt) + 1;
  const receipts = text.subarray(receiptsAt, receiptsEnd);
  const changed = receiptsAt === 1 ? [] : (JSON.parse(text.toString("utf8", 0, receiptsAt)) as [string, unknown][]);
  let end = receiptsEnd + 1;
  const receiptLines = receipts.toString().split("\n");
  receiptLines.pop();
  return {
    changes: changed.map(([key, value]) => [key, value === null ? null : JSON.stringify(value)]),
    lines: receiptLines.map((line) => {
      const start = end;
      end = text.indexOf(newline, start) + 1;
      return { receipt: decodeReceipt(line), content: { contents: text, start, end } };
    }),
    receipts: Buffer.from(receipts),
  };
}
