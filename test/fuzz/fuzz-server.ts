/**
 * `parley serve` for the fuzz tests: on SIGUSR2 it collects garbage and prints what it still holds; TEST_PLANTED_GATEWAY
 * adds a gateway with a bug, TEST_PLANT a bug in the engine. Run as a child process.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Engine, RecordWrite } from "../../packages/server/src/engine/engine.ts";
import { startServer } from "../../packages/server/src/server.ts";
import { plant } from "../faults/planted-bugs.ts";
import { childConfig } from "../support/child-config.ts";
import type { HeldMemory } from "./fuzzed-server.ts";
import { plantedGateway } from "./planted-gateways.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const { TEST_PLANTED_GATEWAY, TEST_PLANTED_PORT = "0", TEST_PLANT } = process.env;
let users = 0;
/** Counts users as they are made. */
const census = (engine: Engine): Engine =>
  new Proxy(engine, {
    get: (target, property) => {
      const value: unknown = Reflect.get(target, property, target);
      if (property === "write")
        return (records: readonly RecordWrite[]) => {
          users += records.filter(({ kind }) => kind === "user").length;
          return target.write(records);
        };
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
const server = await startServer(childConfig(), {
  log: { error: (message, error) => console.error(message, error) },
  gateways: TEST_PLANTED_GATEWAY ? [plantedGateway(TEST_PLANTED_GATEWAY, Number(TEST_PLANTED_PORT))] : [],
  wrapEngine: (engine) => census(TEST_PLANT ? plant(TEST_PLANT, engine) : engine),
});
process.on("SIGUSR2", () => {
  collectGarbage();
  const { rss, heapUsed, external } = process.memoryUsage();
  const held: HeldMemory = { residentBytes: rss, heldBytes: heapUsed + external, users };
  console.log(`memory ${JSON.stringify(held)}`);
});
process.once("SIGTERM", () => void server.stop());
console.log("ready");
