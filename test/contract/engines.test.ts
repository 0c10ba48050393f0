/** Every engine passes the engine contract. */
import { randomBytes } from "node:crypto";
import type { TestContext } from "node:test";
import { LevelEngine } from "../../packages/server/src/engine/level/level-engine.ts";
import { MemoryEngine } from "../../packages/server/src/engine/memory.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { engineContract } from "./engine-contract.ts";

const newEpoch = () => randomBytes(4).toString("hex");

engineContract({ name: "memory", durable: false, open: async () => new MemoryEngine(newEpoch) });

engineContract({
  name: "level",
  durable: true,
  open: (context: TestContext) => LevelEngine.open({ directory: temporaryDirectory(context), newEpoch }),
});

engineContract({
  name: "level, a checkpoint after every commit",
  durable: true,
  open: (context: TestContext) =>
    LevelEngine.open({ directory: temporaryDirectory(context), newEpoch, checkpointBytes: 1, volumeBytes: 1000 }),
});
