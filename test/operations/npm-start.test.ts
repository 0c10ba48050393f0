/** `npm start`, as the README has it: who ends npm ends the server, in good order. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { freePorts } from "../support/free-ports.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Ends what npm started too, where anything of it is left. */
function killGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

it("ends the server with npm, which waits until it has drained", async (t) => {
  const [ws = 0, tcp = 0] = await freePorts(2);
  const where = ["--data-dir", temporaryDirectory(t), "--ws-port", `${ws}`, "--tcp-port", `${tcp}`];
  const npm = spawn("npm", ["start", "--", ...where, "--gateways", "native-websocket,native-tcp"], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  t.after(() => killGroup(npm.pid as number));
  let said = "";
  const ready = new Promise<void>((resolve, reject) => {
    const listen = (text: Buffer) => {
      said += text;
      if (said.includes("\nready in ")) resolve();
    };
    npm.stdout.on("data", listen);
    npm.stderr.on("data", listen);
    npm.once("exit", () => reject(new Error(said)));
  });
  await ready;
  npm.kill("SIGTERM");
  const [code] = await once(npm, "exit");
  assert.match(said, /"msg":"drained"/);
  assert.equal(code, 0);
  await assert.rejects(fetch(`http://127.0.0.1:${ws}/healthz`));
});
