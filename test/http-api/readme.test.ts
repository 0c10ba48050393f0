/** The README's lines for `curl`, as they are printed but for the port. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { promisify } from "node:util";
import { Patience } from "../support/patience.ts";
import { startApiServer } from "./api-server.ts";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const lines = readme.split("\n").filter((line) => line.startsWith("curl ") && line.includes("/v1/"));

it("README.md: the three lines with curl do what they say", async (t) => {
  const { url } = await startApiServer(t);
  const [stream = "", send = "", history = ""] = lines.map((line) => line.replaceAll("http://127.0.0.1:8080", url));
  assert.equal(lines.length, 3);
  const listening = spawn("sh", ["-c", `exec ${stream}`], { stdio: ["ignore", "pipe", "ignore"] });
  t.after(() => listening.kill());
  let heard = "";
  const patience = new Patience();
  listening.stdout.on("data", (chunk) => {
    heard += String(chunk);
    patience.wake();
  });
  const hear = async (pattern: RegExp) => {
    while (!pattern.test(heard)) await patience.change();
  };
  await hear(/event: live/);
  const run = async (line: string) => (await promisify(execFile)("sh", ["-c", line])).stdout;
  assert.equal((JSON.parse(await run(send)) as { durability: string }).durability, "fsync");
  await hear(/event: message\nid: .*\ndata: .*"body":"hello"/);
  const { messages } = JSON.parse(await run(history)) as { messages: { from: string; body: string }[] };
  assert.deepEqual(
    messages.map(({ from, body }) => [from, body]),
    [["bob", "hello"]],
  );
});
