/**
 * `parley serve` with something wrong on purpose: it ends itself at a step of a commit (`TEST_FAILPOINT=after-write:17`)
 * or has a bug that the checkers must find (`TEST_PLANT=swap-recipient`). Run by the fault tests as a child process.
 */
import { startServer } from "../../packages/server/src/server.ts";
import { childConfig } from "../support/child-config.ts";
import { plant } from "./planted-bugs.ts";

const { TEST_FAILPOINT, TEST_PLANT, TEST_CHECKPOINT_BYTES = "65536" } = process.env;
const [step, hits = "1"] = (TEST_FAILPOINT ?? "none").split(":");
let left = Number(hits);

const server = await startServer(childConfig(), {
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
