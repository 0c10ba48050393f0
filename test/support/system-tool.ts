/**
 * Programs of the system that a test needs beside Node. Where one is not installed, it is installed (Debian, as root);
 * where that cannot be, the test fails and says what to do.
 */
import { spawnSync } from "node:child_process";

export interface SystemTool {
  /** A command with arguments under which it does nothing and ends with 0. */
  readonly probe: readonly [command: string, ...args: string[]];
  /** Of Debian. */
  readonly package: string;
}

function isThere({ probe: [command, ...args] }: SystemTool): boolean {
  return spawnSync(command, args).status === 0;
}

/** Installs the tool where it is missing. Throws where that is not possible. */
export function needTool(tool: SystemTool): void {
  if (isThere(tool)) return;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [["update"], ["install", "-y", "--no-install-recommends", tool.package]])
    spawnSync("apt-get", args, { env, timeout: 300_000 });
  if (isThere(tool)) return;
  throw new Error(
    `this test needs ${tool.probe[0]}: apt-get install ${tool.package} (Debian), or your system's package of it`,
  );
}
