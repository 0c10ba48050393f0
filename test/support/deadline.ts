/**
 * Loaded into the process that runs the tests (package.json, "test"): a file that does not end, because a failed test left
 * something open or it waits for ever, is killed and so fails by its name; else it would hold up the whole run without a word.
 */
import type { ChildProcess } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";

const longestMinutes = 5;

// Not in the processes that it starts.
if (process.env.NODE_TEST_CONTEXT === undefined)
  subscribe("child_process", (message) => {
    const { process: child } = message as { process: ChildProcess };
    const timer = setTimeout(() => {
      console.error(`${child.spawnargs.at(-1)} is not over after ${longestMinutes} minutes`);
      child.kill("SIGKILL");
    }, longestMinutes * 60_000);
    child.once("exit", () => clearTimeout(timer));
  });
