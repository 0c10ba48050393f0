/** Where the commands that work on a store itself find it: as `parley serve` would. Used by `backup` and `restore`. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../config.ts";
import { complain } from "./complaint.ts";

export interface DataDirectoryFlags {
  readonly config?: string;
  readonly dataDir?: string;
}

/** The data directory of the configuration; undefined, with complaints, where that is wrong. */
export function dataDirectory({ config, dataDir }: DataDirectoryFlags): string | undefined {
  const file = config ?? process.env.PARLEY_CONFIG;
  const loaded = loadConfig({ file, environment: process.env, flags: { dataDir } });
  if (loaded.ok) return loaded.config.dataDir;
  for (const fault of loaded.faults) complain(fault);
  return undefined;
}

/** The store in a data directory, and whether there is one. */
export function storeIn(directory: string): { readonly store: string; readonly exists: boolean } {
  const store = join(directory, "store");
  return { store, exists: existsSync(store) };
}
