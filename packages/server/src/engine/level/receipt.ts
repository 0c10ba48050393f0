/**
 * What is remembered of an append, as a line of text: in the journal, and from there in the pages of the dedupe index.
 * Hot path (`npm run bench`).
 */
import type { LogName } from "@parley/protocol";
import type { Append, LogPosition } from "../engine.ts";
import type { Entry } from "../entry.ts";
import type { TextWriter } from "./text-writer.ts";

export interface Receipt {
  /** "" where the append had none; what follows, but for the positions, is not known then. */
  readonly dedupeKey: string;
  readonly digest: string;
  readonly id: string;
  readonly ts: number;
  readonly positions: readonly LogPosition[];
}

const [tab, newline, equals, comma] = [0x09, 0x0a, 0x3d, 0x2c];

/** Appends the receipt of `append`, which became the `entries` from `from` to before `to`. Its id and time are only for who repeats it. */
export function writeReceipt(
  receipts: TextWriter,
  { dedupeKey, digest, id, ts }: Append,
  entries: readonly Entry[],
  from: number,
  to: number,
): void {
  receipts.text(dedupeKey === undefined ? unknown : `${dedupeKey}\t${digest}\t${id}\t${ts}`);
  for (let i = from; i < to; i++) {
    const { log, epoch, seq } = entries[i] as Entry;
    receipts.character(i === from ? tab : comma);
    receipts.text(log);
    receipts.character(equals);
    receipts.text(epoch);
    receipts.character(equals);
    receipts.number(seq);
  }
  receipts.character(newline);
}

const unknown = "\t\t\t";

export function decodeReceipt(receipt: string): Receipt {
  const [dedupeKey = "", digest = "", id = "", ts, targets = ""] = receipt.split("\t");
  const positions = targets.split(",").map((target) => {
    const [log = "", epoch = "", seq] = target.split("=");
    return { log: log as LogName, epoch, seq: Number(seq) };
  });
  return { dedupeKey, digest, id, ts: Number(ts), positions };
}

/** The receipt with that dedupe key among receipts of `writeReceipt`. */
export function findReceipt(receipts: string, key: string): Receipt | undefined {
  const needle = `${key}\t`;
  const start = receipts.startsWith(needle) ? 0 : receipts.indexOf(`\n${needle}`) + 1;
  if (start === 0 && !receipts.startsWith(needle)) return undefined;
  return decodeReceipt(receipts.slice(start, receipts.indexOf("\n", start)));
}
