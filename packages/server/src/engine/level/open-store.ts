/**
 * Opens the LevelDB of a store, or refuses with a message that says what to do: locked by another process, written by
 * a newer Parley, damaged. Called by the level engine only.
 */
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import type { Database } from "./database.ts";
import { createJournal } from "./journal-files.ts";
import { keys } from "./keys.ts";
import { CorruptStore, seal } from "./seal.ts";

/** The store cannot be opened as it is. `message` tells the operator why and what to do. */
export class StoreRefused extends Error {
  override readonly name = "StoreRefused";
}

/** Another process has it open. */
export class StoreInUse extends StoreRefused {}

/** What this version writes, and the only one it reads. */
export const schemaVersion = 2;

/** LevelDB holds pointers and small records only. They are short and differ: compressing them is not worth its time. */
const databaseOptions = { writeBufferSize: 4 * 1024 * 1024, cacheSize: 8 * 1024 * 1024, compression: false };

export function journalDirectory(directory: string): string {
  return join(directory, "journal");
}

/** Opens or makes the LevelDB of the store in `directory`; `epoch` is that of the store's logs. Rejects with `StoreRefused`. */
export async function openDatabase(
  directory: string,
  newEpoch: () => string,
): Promise<{ readonly db: Database; readonly epoch: string }> {
  const db = new ClassicLevel<string, Buffer>(directory, { keyEncoding: "utf8", valueEncoding: "buffer" });
  try {
    await db.open(databaseOptions);
    const { version, epoch } = (await readSchema(db)) ?? (await create(db, newEpoch));
    if (version === schemaVersion) return { db, epoch };
    throw version > schemaVersion ? newer(directory, version) : older(directory, version);
  } catch (error) {
    await db.close();
    throw refusal(directory, error);
  }
}

interface Schema {
  readonly version: number;
  readonly epoch: string;
}

async function readSchema(db: Database): Promise<Schema | undefined> {
  const stored = await db.get(keys.schema);
  if (stored) return JSON.parse(stored.toString()) as Schema;
  for await (const key of db.keys({ limit: 1 })) throw new CorruptStore(`it has ${JSON.stringify(key)} but no schema`);
  return undefined;
}

/** The schema comes last: a store that has it has its journal. */
async function create(db: Database, newEpoch: () => string): Promise<Schema> {
  await createJournal(journalDirectory(db.location));
  const schema = { version: schemaVersion, epoch: newEpoch() };
  await db.batch(
    [
      { type: "put", key: keys.journalStart, value: seal("1") },
      { type: "put", key: keys.schema, value: Buffer.from(JSON.stringify(schema)) },
    ],
    { sync: true },
  );
  return schema;
}

function newer(directory: string, version: number): StoreRefused {
  return new StoreRefused(
    `The store in ${directory} has schema version ${version}; this Parley reads version ${schemaVersion}. ` +
      "Start the Parley that wrote it, or point --data-dir to another directory.",
  );
}

function older(directory: string, version: number): StoreRefused {
  return new StoreRefused(
    `The store in ${directory} has schema version ${version}, of a Parley before its first release; this one reads version ` +
      `${schemaVersion} and cannot convert it. Nothing was changed. Start the Parley that wrote it, or point --data-dir to another directory.`,
  );
}

/** Turns any failure to open into a `StoreRefused` that says what to do. */
export function refusal(location: string, error: unknown): StoreRefused {
  if (error instanceof StoreRefused) return error;
  // The database says that it could not be opened, its cause why.
  const code = codeOf((error as { cause?: unknown } | undefined)?.cause) ?? codeOf(error);
  const reason =
    error instanceof Error ? ((error.cause as Error | undefined)?.message ?? error.message) : String(error);
  if (code === "LEVEL_LOCKED") {
    return new StoreInUse(
      `The store in ${location} is in use by another process. Stop that one, or choose another --data-dir.`,
      { cause: error },
    );
  }
  if (code === "LEVEL_CORRUPTION" || error instanceof CorruptStore || error instanceof SyntaxError) {
    return new StoreRefused(
      `The store in ${location} is damaged: ${reason}. Nothing was changed. Keep a copy of the directory, then restore a backup ` +
        "or start with another --data-dir.",
      { cause: error },
    );
  }
  return new StoreRefused(
    `The store in ${location} cannot be opened: ${reason}. Check that the directory exists and may be written.`,
    { cause: error },
  );
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}
