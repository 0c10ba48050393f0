/**
 * One commit as it stands in the journal: a head (magic, number, the last number known to be on disk, length, CRC-32),
 * then text: the changed records as one line of JSON, the receipts of its appends, an empty line, their contents. The
 * magic has a byte that UTF-8 never has: no message can look like a record. Hot path (`npm run bench`).
 */
import { crc32 } from "node:zlib";
import type { Append } from "../engine.ts";
import { decodeReceipt, type Receipt } from "./receipt.ts";
import type { RecordChange } from "./records.ts";
import type { Place, Slabs } from "./slabs.ts";
import type { TextWriter } from "./text-writer.ts";

/** `receipts` and `contents` are lines of `writeReceipt` and `writeContent`, in the same order. */
export interface JournalBody {
  readonly changes: readonly RecordChange[];
  readonly receipts: Buffer;
  readonly contents: Buffer;
}

/** One append in the journal: what recovery needs to do it again. */
export interface JournalLine {
  readonly receipt: Receipt;
  /** Where its content begins and ends in the record's text. */
  readonly start: number;
  readonly end: number;
  /** The size of its payload, in bytes. */
  readonly bytes: number;
}

export interface JournalRecord {
  readonly number: number;
  /** Every record up to this number was on disk when this one was written. */
  readonly durable: number;
  readonly changes: readonly RecordChange[];
  readonly lines: readonly JournalLine[];
  readonly text: Buffer;
  /** Where in the text the receipts begin and end. */
  readonly receiptsStart: number;
  readonly receiptsEnd: number;
  /** The size of the record. */
  readonly bytes: number;
}

export const magic = Buffer.from([0xff, 0x50, 0x4a, 0x02]);
const numberAt = 4;
const durableAt = 10;
const lengthAt = 16;
const crcAt = 20;
const headBytes = 24;

/** Appends origin, expiry and payload as a line; returns the payload's size in bytes. */
export function writeContent(contents: TextWriter, { origin, expiresAt, payload }: Append): number {
  contents.text(origin);
  contents.character(tab);
  contents.number(expiresAt);
  contents.character(tab);
  const bytes = contents.text(payload);
  contents.character(newline);
  return bytes;
}

/** Builds a record in memory of `slabs`; and where in it the receipts and the contents are. */
export function encodeRecord(
  slabs: Slabs,
  number: number,
  durable: number,
  { changes, receipts, contents }: JournalBody,
): { readonly record: Buffer; readonly receipts: Buffer; readonly contents: Place } {
  const changed = encodeChanges(changes);
  const changedBytes = Buffer.byteLength(changed);
  const size = headBytes + changedBytes + 1 + receipts.length + 1 + contents.length;
  const { slab, at: start } = slabs.take(size);
  const record = slabs.bytes(slab).subarray(start, start + size);
  let at = headBytes;
  at += record.write(changed, at);
  at = record.writeUInt8(newline, at);
  const receiptsAt = at;
  at += receipts.copy(record, at);
  at = record.writeUInt8(newline, at);
  contents.copy(record, at);
  magic.copy(record);
  record.writeUIntBE(number, numberAt, 6);
  record.writeUIntBE(durable, durableAt, 6);
  record.writeUInt32BE(size - headBytes, lengthAt);
  record.writeUInt32BE(checksum(record), crcAt);
  return {
    record,
    receipts: record.subarray(receiptsAt, receiptsAt + receipts.length),
    contents: { slab, at: start + at },
  };
}

const newline = 0x0a;
const tab = 0x09;

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

/** Whether an undamaged record begins at `at` that was written when record `number` was on disk. */
export function vouchesFor(file: Buffer, at: number, number: number): boolean {
  if (file.length - at < headBytes || file.readUIntBE(at + durableAt, 6) < number) return false;
  return decodeRecord(file, at) !== undefined;
}

function decodeText(text: Buffer): Pick<JournalRecord, "changes" | "lines" | "text" | "receiptsStart" | "receiptsEnd"> {
  const receiptsStart = text.indexOf(newline) + 1;
  const receiptsEnd = text[receiptsStart] === newline ? receiptsStart : text.indexOf("\n\n", receiptsStart) + 1;
  const changed =
    receiptsStart === 1 ? [] : (JSON.parse(text.toString("utf8", 0, receiptsStart)) as [string, unknown][]);
  let end = receiptsEnd + 1;
  const receiptLines = text.toString("utf8", receiptsStart, receiptsEnd).split("\n");
  receiptLines.pop();
  return {
    text,
    receiptsStart,
    receiptsEnd,
    changes: changed.map(([key, value]) => [key, value === null ? null : JSON.stringify(value)]),
    lines: receiptLines.map((line) => {
      const start = end;
      end = text.indexOf(newline, start) + 1;
      const payloadAt = text.indexOf(tab, text.indexOf(tab, start) + 1) + 1;
      return { receipt: decodeReceipt(line), start, end, bytes: end - 1 - payloadAt };
    }),
  };
}
