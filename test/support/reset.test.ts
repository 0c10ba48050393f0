/** Resetting a connection, whatever it is doing, leaves a process that can exit. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

it("a process that reset connections in every state exits", async () => {
  const script = fileURLToPath(new URL("resetting-process.ts", import.meta.url));
  const { stderr } = await promisify(execFile)(process.execPath, [script], { timeout: 20_000, killSignal: "SIGKILL" });
  assert.equal(stderr, "");
});
