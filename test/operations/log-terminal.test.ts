/** Where standard error is a terminal the log is words in colour; elsewhere lines of JSON, without colours. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { until } from "../../packages/client/testing/wait.ts";
import { binary, testEnvironment } from "../cli/parley-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const controlC = "\u0003";
const sequence = "\u001b[";

/** All that `parley serve` writes until Ctrl-C has ended it, in a terminal of `script` or without one. */
async function outputOf(t: TestContext, inTerminal: boolean, env: Record<string, string> = {}): Promise<string> {
  const data = join(temporaryDirectory(t), "data");
  const words = [process.execPath, binary, "serve", "--data-dir", data, "--gateways", "native-tcp", "--tcp-port", "0"];
  const [command, args] = inTerminal
    ? ["script", ["-q", "-e", "-f", "-c", `exec ${words.join(" ")}`, "/dev/null"]]
    : [words[0] as string, words.slice(1)];
  const child = spawn(command, args, { env: testEnvironment(t, { PARLEY_HTTP_API: "false", ...env }) });
  t.after(() => child.kill("SIGKILL"));
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  const ended = new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  await until("it to be ready", () => output.includes("ready in"), 20_000);
  if (inTerminal) child.stdin.write(controlC);
  else child.kill("SIGINT");
  assert.equal(await ended, 0, output);
  return output;
}

it("a person at a terminal reads words, in colour unless NO_COLOR says otherwise", async (t) => {
  const coloured = await outputOf(t, true);
  assert.ok(coloured.includes(`${sequence}36minfo `), coloured);
  assert.match(coloured, /draining/);
  assert.ok(!coloured.includes('"msg"'));
  const plain = await outputOf(t, true, { NO_COLOR: "1" });
  assert.match(plain, /^\d\d:\d\d:\d\d info {2}draining {2}connections=0 {2}limitMs=8000\r$/m);
  assert.ok(!plain.includes(sequence));
});

it("a program reads JSON, unless log.format says otherwise", async (t) => {
  const output = await outputOf(t, false);
  const [line = ""] = output.split("\n").filter((each) => each.includes("draining"));
  assert.deepEqual(Object.keys(JSON.parse(line)), ["level", "time", "connections", "limitMs", "msg"]);
  const text = await outputOf(t, false, { PARLEY_LOG_FORMAT: "text" });
  assert.match(text, /^\d\d:\d\d:\d\d info {2}draining/m);
  assert.ok(!(output + text).includes(sequence));
  assert.doesNotMatch(await outputOf(t, false, { PARLEY_LOG_LEVEL: "warn" }), /draining/);
});
