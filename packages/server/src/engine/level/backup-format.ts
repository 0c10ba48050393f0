/**
 * The bytes of a backup of a level store: a line that names the format, then blocks (`block-file.ts`), each with a
 * checksum of its own; the last one has the SHA-256 of all before it, so that nothing can be missing, doubled or moved
 * unnoticed. Written by `backup.ts`, read by `restore.ts` (docs/adr/0006-backup.md).
 */
import { createHash, type Hash } from "node:crypto";
import { crc32 } from "node:zlib";
import { blockHeadBytes, decodeBlock } from "./block-file.ts";
import { CorruptStore } from "./seal.ts";

/** What the first block says. */
export interface BackupHead {
  /** `schemaVersion` of the store. */
  readonly schema: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** Parts of a backup, in their order: head, records, then each file and its bytes. */
export type BackupPart =
  | { readonly type: "head"; readonly head: BackupHead }
  /** Keys and values of LevelDB. */
  | { readonly type: "records"; readonly records: readonly (readonly [key: string, value: Buffer])[] }
  /** The bytes that follow, up to the next file, are those of this one. `path` is relative to the store, with `/`. */
  | { readonly type: "file"; readonly path: string; readonly bytes: number }
  | { readonly type: "bytes"; readonly bytes: Buffer };

/** The backup cannot be used. `message` tells the operator why and what to do. */
export class BackupRefused extends Error {
  override readonly name = "BackupRefused";
}

const magic = Buffer.from("parley backup 1\n");
/** Bytes of a file in one block. */
export const partBytes = 256 * 1024;
/** No block is longer; a longer one is damage, and no memory is taken for it. */
const maxBlockBytes = 64 * 1024 * 1024;

const kinds = { head: 1, records: 2, file: 3, bytes: 4, end: 5 } as const;

export class BackupEncoder {
  readonly #hash: Hash = createHash("sha256");

  begin(): Buffer {
    return this.#hashed(magic);
  }

  encode(part: BackupPart): Buffer {
    switch (part.type) {
      case "head":
        return this.#json(kinds.head, part.head);
      case "records":
        return this.#json(
          kinds.records,
          part.records.map(([key, value]) => [key, value.toString("base64")]),
        );
      case "file":
        return this.#json(kinds.file, { path: part.path, bytes: part.bytes });
      case "bytes":
        return this.#hashed(encodeBlock(kinds.bytes, part.bytes));
    }
  }

  end(): Buffer {
    return this.#json(kinds.end, { sha256: this.#hash.copy().digest("hex") });
  }

  #json(kind: number, value: unknown): Buffer {
    return this.#hashed(encodeBlock(kind, Buffer.from(JSON.stringify(value))));
  }

  #hashed(bytes: Buffer): Buffer {
    this.#hash.update(bytes);
    return bytes;
  }
}

/** A block (`block-file.ts`) whose content is a byte that says what it is, and a body. */
function encodeBlock(kind: number, body: Buffer): Buffer {
  const block = Buffer.allocUnsafe(blockHeadBytes + 1 + body.length);
  block[blockHeadBytes] = kind;
  body.copy(block, blockHeadBytes + 1);
  block.writeUInt32BE(1 + body.length, 0);
  block.writeUInt32BE(crc32(block.subarray(blockHeadBytes)), 4);
  return block;
}

/** The parts of a backup, each checked; ends only where the backup is whole. Rejects with `BackupRefused`. */
export async function* decodeBackup(source: AsyncIterable<Uint8Array>): AsyncGenerator<BackupPart> {
  const bytes = new ByteReader(source);
  const hash = createHash("sha256");
  const first = await bytes.take(magic.length);
  if (!first?.equals(magic)) throw new BackupRefused("This is not a backup of Parley, or one of another version.");
  hash.update(first);
  for (;;) {
    const block = await nextBlock(bytes);
    const content = contentOf(block, bytes.position - block.length);
    const body = content.subarray(1);
    if (content[0] === kinds.end) {
      if ((JSON.parse(body.toString()) as { sha256: string }).sha256 !== hash.digest("hex"))
        throw new BackupRefused("The backup is damaged: its checksum does not match. Use another one.");
      if (await bytes.take(1)) throw new BackupRefused("The backup is damaged: something follows its end.");
      return;
    }
    hash.update(block);
    yield partOf(content[0], body);
  }
}

async function nextBlock(bytes: ByteReader): Promise<Buffer> {
  const head = await bytes.take(blockHeadBytes);
  const length = head?.readUInt32BE(0) ?? 0;
  if (length > maxBlockBytes) throw damagedAt(bytes.position);
  const content = head && (await bytes.take(length));
  if (!head || !content)
    throw new BackupRefused("The backup is incomplete: it was cut off before its end. Use another one.");
  return Buffer.concat([head, content]);
}

function contentOf(block: Buffer, at: number): Buffer {
  try {
    return decodeBlock(block, String(at));
  } catch (error) {
    if (error instanceof CorruptStore) throw damagedAt(at);
    throw error;
  }
}

function damagedAt(position: number): BackupRefused {
  return new BackupRefused(`The backup is damaged at byte ${position}. Use another one.`);
}

/** The content was checked: it is what a Parley wrote. */
function partOf(kind: number | undefined, body: Buffer): BackupPart {
  switch (kind) {
    case kinds.head:
      return { type: "head", head: JSON.parse(body.toString()) as BackupHead };
    case kinds.records: {
      const pairs = JSON.parse(body.toString()) as [string, string][];
      return { type: "records", records: pairs.map(([key, value]) => [key, Buffer.from(value, "base64")]) };
    }
    case kinds.file:
      return { type: "file", ...(JSON.parse(body.toString()) as { path: string; bytes: number }) };
    case kinds.bytes:
      return { type: "bytes", bytes: body };
    default:
      throw new BackupRefused("The backup has a part that this Parley does not know: it was made by a newer one.");
  }
}

/** Takes a stream of bytes apart by length. */
class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #held: Buffer = Buffer.alloc(0);
  /** How many bytes were taken. */
  position = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next `length` bytes; undefined where fewer are left. */
  async take(length: number): Promise<Buffer | undefined> {
    if (this.#held.length < length) {
      const parts = [this.#held];
      for (let have = this.#held.length; have < length; ) {
        const { value, done } = await this.#source.next();
        if (done) return undefined;
        parts.push(Buffer.from(value.buffer, value.byteOffset, value.length));
        have += value.length;
      }
      this.#held = Buffer.concat(parts);
    }
    const taken = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    this.position += length;
    return taken;
  }
}
