/**
 * `parley serve` with something wrong on purpose: it ends itself at a step of a commit (`TEST_FAILPOINT=after-write:17`)
 * or has a bug that the checkers must find (`TEST_PLANT=swap-recipient`). Run by the fault tests as a child process.
 */
import { parseArgs } from "node:util";
import { loadConfig } from "../../packages/server/src/config.ts";
import { startServer } from "../../packages/server/src/server.ts";
import { plant } from "./planted-bugs.ts";

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    "data-dir": { type: "string" },
    host: { type: "string" },
    "ws-port": { type: "string" },
    "tcp-port": { type: "string" },
    gateways: { type: "string" },
  },
});
const loaded = loadConfig({
  environment: process.env,
  flags: {
    dataDir: values["data-dir"],
    host: values.host,
    gateways: values.gateways,
    "http.port": values["ws-port"],
    "nativeTcp.port": values["tcp-port"],
  },
});
if (!loaded.ok) throw new Error(loaded.faults.join("\n"));

const { TEST_FAILPOINT, TEST_PLANT, TEST_CHECKPOINT_BYTES = "65536" } = process.env;
const [step, hits = "1"] = (TEST_FAILPOINT ?? "none").split(":");
let left = Number(hits);

const server = await startServer(loaded.config, {
  log: {
    error: (message, error) => console.error(message, error),
    info: (message) => console.error(message),
  },
  level: {
    checkpointBytes: Number(TEST_CHECKPOINT_BYTES),
    lazyMs: 20,
    onStep: (reached) => {
      if (reached === step && --left === 0) process.kill(process.pid, "SIGKILL");
    },
  },
  wrapEngine: (engine) => (TEST_PLANT ? plant(TEST_PLANT, engine) : engine),
});
console.log("ready");
process.once("SIGTERM", () => void server.stop());
