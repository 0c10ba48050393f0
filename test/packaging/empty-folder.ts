/** A folder outside of the repository into which the packed packages are installed, as somebody does who has only those. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));

export interface EmptyFolder {
  readonly path: string;
  /** Paths of the tarballs. */
  readonly tarballs: readonly string[];
  /** Runs a command there, with the pinned Node; resolves with what it printed, rejects where it fails. */
  run(command: string, ...args: string[]): Promise<string>;
  readonly env: NodeJS.ProcessEnv;
  remove(): void;
}

/** Packs, and installs; the registry is asked for what npm's cache does not have. */
export async function installPacked(): Promise<EmptyFolder> {
  const base = mkdtempSync(join(tmpdir(), "parley-packed-"));
  const [packed, path] = [join(base, "packed"), join(base, "empty")];
  // npm tells its scripts about the repository by its own variables; somebody else has none.
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|PARLEY_|NODE_OPTIONS)/i.test(name));
  const env = { ...Object.fromEntries(own), PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` };
  const runThere = async (command: string, ...args: string[]) =>
    (await run(command, args, { cwd: path, env, maxBuffer: 16 * 1024 * 1024 })).stdout;
  mkdirSync(path);
  await run(process.execPath, [join(root, "tools/pack/main.ts"), packed], { cwd: root, env });
  const tarballs = readdirSync(packed).map((name) => join(packed, name));
  writeFileSync(join(path, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await runThere("npm", "install", "--prefer-offline", "--no-audit", "--no-fund", ...tarballs);
  return { path, tarballs, run: runThere, env, remove: () => rmSync(base, { recursive: true, force: true }) };
}
