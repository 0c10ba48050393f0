/**
 * Opens the LevelDB of a store, or refuses with a message that says what to do: locked by another process, written by
 * a newer Parley, damaged. Called by the level engine only.
 */
import { ClassicLevel } from "classic-level";
import { CorruptStore, keys } from "./codec.ts";

export type Database = ClassicLevel<string, Buffer>;

/** The store cannot be opened as it is. `message` tells the operator why and what to do. */
export class StoreRefused extends Error {
  override readonly name = "StoreRefused";
}

/** What this version writes, and the only one it reads. */
export const schemaVersion = 1;

const writeBufferBytes = 32 * 1024 * 1024;
const cacheBytes = 8 * 1024 * 1024;
const maxFileBytes = 8 * 1024 * 1024;

/** Makes the handle of the store in `directory`; nothing is opened or locked before `openStore`. */
export function createDatabase(directory: string): Database {
  return new ClassicLevel<string, Buffer>(directory, { keyEncoding: "utf8", valueEncoding: "buffer" });
}

/** Opens `database` and checks the schema. Returns the epoch of the store's logs. Throws `StoreRefused`. */
export async function openStore(database: Database, newEpoch: () => string): Promise<string> {
  try {
    await database.open({ writeBufferSize: writeBufferBytes, cacheSize: cacheBytes, maxFileSize: maxFileBytes });
    const schema = await readSchema(database, newEpoch);
    if (schema.version === schemaVersion) return schema.epoch;
    await database.close();
    throw new StoreRefused(
      `The store in ${database.location} has schema version ${schema.version}; this Parley reads version ${schemaVersion}. ` +
        "Start the Parley that wrote it, or point --data-dir to another directory.",
    );
  } catch (error) {
    throw refusal(database.location, error);
  }
}

interface Schema {
  readonly version: number;
  readonly epoch: string;
}

async function readSchema(database: Database, newEpoch: () => string): Promise<Schema> {
  const stored = await database.get(keys.schema);
  if (stored) return JSON.parse(stored.toString()) as Schema;
  for await (const key of database.keys({ limit: 1 }))
    throw new CorruptStore(`it has ${JSON.stringify(key)} but no schema`);
  const schema = { version: schemaVersion, epoch: newEpoch() };
  await database.put(keys.schema, Buffer.from(JSON.stringify(schema)), { sync: true });
  return schema;
}

/** Turns any failure to open into a `StoreRefused` that says what to do. */
export function refusal(location: string, error: unknown): StoreRefused {
  if (error instanceof StoreRefused) return error;
  const code = codeOf(error) ?? codeOf((error as { cause?: unknown } | undefined)?.cause);
  const reason =
    error instanceof Error ? ((error.cause as Error | undefined)?.message ?? error.message) : String(error);
  if (code === "LEVEL_LOCKED") {
    return new StoreRefused(
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
