/**
 * Fills a store that a server is to be measured on: `node bench/filled-store.ts ROOT DIRECTORY MESSAGES`, with the engine of the
 * checkout at ROOT. A process of its own, so that what it takes is gone when the measuring begins.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { LevelEngine as Engine } from "../packages/server/src/engine/level/level-engine.ts";
import { appendMessages } from "./stored-messages.ts";

const users = 10_000;
const [root = "", directory = "", messages = "0"] = process.argv.slice(2);

const source = pathToFileURL(join(root, "packages/server/src/engine/level/level-engine.ts")).href;
const { LevelEngine } = (await import(source)) as { readonly LevelEngine: typeof Engine };
const store = join(directory, "store");
await mkdir(store, { recursive: true });
const engine = await LevelEngine.open({ directory: store, newEpoch: () => "bench" });
await appendMessages(engine, users, 0, Number(messages));
await engine.close();
