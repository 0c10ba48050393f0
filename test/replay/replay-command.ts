/** Runs `npm run replay` as its users do, as a child process, and takes its report apart. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const command = fileURLToPath(new URL("../../tools/replay/main.ts", import.meta.url));
const data = new URL("../../../shared/data/irc/", import.meta.url);

export interface ReplayResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The number of a line of the report: `lost`, `sent` … */
  count(name: string): number;
}

/** The path of one of the project's real logs. Fails where it is missing: nothing is tested without it. */
export function realLog(name: string): string {
  const path = fileURLToPath(new URL(name, data));
  assert.ok(existsSync(path), `the real logs are missing: ${path}`);
  return path;
}

export async function replay(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ReplayResult> {
  const child = spawn(process.execPath, [command, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const killChild = () => child.kill("SIGKILL");
  process.once("exit", killChild);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [code] = (await once(child, "close")) as [number | null];
  process.off("exit", killChild);
  return {
    code,
    stdout,
    stderr,
    count(name) {
      const found = new RegExp(`^  ${name} +([0-9,]+)`, "m").exec(stdout)?.[1];
      assert.ok(found !== undefined, `no "${name}" in the report:\n${stdout}\n${stderr}`);
      return Number(found.replaceAll(",", ""));
    },
  };
}
