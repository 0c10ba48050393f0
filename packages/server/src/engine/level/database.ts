/** LevelDB as this engine uses it: text keys, values of bytes. */
import type { ClassicLevel } from "classic-level";

export type Database = ClassicLevel<string, Buffer>;

export type Operation =
  | { readonly type: "put"; readonly key: string; readonly value: Buffer }
  | { readonly type: "del"; readonly key: string };
