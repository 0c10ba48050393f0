/** Another revision of this repository, checked out beside it with its dependencies, for as long as it is measured. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** What git says, without the newline. Rejects with git's own words. */
export async function git(root: string, ...args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await execute("git", ["-C", root, ...args]);
    return stdout.trim();
  } catch (error) {
    const said = (error as { readonly stderr?: unknown }).stderr;
    throw new Error(typeof said === "string" && said !== "" ? said.trim() : String(error));
  }
}

/** Whether `revision` names a commit of the repository at `root`. */
export function isRevision(root: string, revision: string): Promise<boolean> {
  return git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`).then(
    () => true,
    () => false,
  );
}

/**
 * Checks `revision` out into a temporary directory, hands its path to `use`, and removes it again, whatever happens. Ends the
 * installation of dependencies when `signal` says so.
 */
export async function withRevision<T>(
  root: string,
  revision: string,
  signal: AbortSignal,
  use: (root: string) => Promise<T>,
): Promise<T> {
  const base = await mkdtemp(join(tmpdir(), "parley-revision-"));
  const checkout = join(base, "checkout");
  try {
    await git(root, "worktree", "add", "--detach", checkout, revision);
    await giveDependencies(root, checkout, signal);
    return await use(checkout);
  } finally {
    await git(root, "worktree", "remove", "--force", checkout).catch(() => {});
    await rm(base, { recursive: true, force: true });
  }
}

/** The same packages are shared with this checkout; others are installed. */
async function giveDependencies(from: string, to: string, signal: AbortSignal): Promise<void> {
  const lock = (root: string) => readFile(join(root, "package-lock.json"), "utf8");
  if ((await lock(from)) !== (await lock(to))) {
    await execute("npm", ["ci", "--no-audit", "--no-fund"], { cwd: to, signal });
    return;
  }
  const modules = join(to, "node_modules");
  await mkdir(join(modules, ".bin"), { recursive: true });
  const own = new Set(["@parley", ".bin"]);
  await linkAll(join(from, "node_modules"), modules, (name) => !own.has(name));
  await linkAll(join(from, "node_modules/.bin"), join(modules, ".bin"), (name) => name !== "parley");
  await symlink(join(to, "packages/server/bin/parley.js"), join(modules, ".bin/parley"));
  await mkdir(join(modules, "@parley"));
  for (const name of await readdir(join(to, "packages")))
    await symlink(join(to, "packages", name), join(modules, "@parley", name));
}

async function linkAll(from: string, to: string, isLinked: (name: string) => boolean): Promise<void> {
  for (const name of await readdir(from)) if (isLinked(name)) await symlink(join(from, name), join(to, name));
}
