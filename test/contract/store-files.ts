/** A level engine's files as tests look at them and damage them. */
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { LevelOptions } from "../../packages/server/src/engine/level/level-engine.ts";
import { LevelEngine } from "../../packages/server/src/engine/level/level-engine.ts";

export function openLevel(directory: string, options: Partial<LevelOptions> = {}): Promise<LevelEngine> {
  return LevelEngine.open({ directory, newEpoch: () => "epoch", ...options });
}

/** The paths in one of the store's directories, sorted. */
export function filesIn(directory: string, part: "journal" | "chunks" | "receipts"): string[] {
  return readdirSync(join(directory, part))
    .sort()
    .map((name) => join(directory, part, name));
}

/** What a process that is killed now leaves behind, at `to`. A file may go while it is copied: then it is tried again. */
export function copyStore(from: string, to: string): void {
  for (let tries = 20; ; tries--) {
    try {
      cpSync(from, to, { recursive: true, force: true });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || tries === 0) throw error;
    }
  }
}
