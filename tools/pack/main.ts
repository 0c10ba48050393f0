/**
 * `npm run pack [DIRECTORY]`: makes the tarballs that are published, compiled to JavaScript because Node strips no types in
 * node_modules. A checkout runs from the sources and has no build; so what is packed is put together aside, with a manifest
 * of its own. `npm publish FILE` then publishes one.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { launcherOf, type Manifest, publishedManifest } from "./manifest.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const packages = ["protocol", "client", "server"];

const target = resolve(process.argv[2] ?? "dist");
const staging = mkdtempSync(join(tmpdir(), "parley-pack-"));
try {
  const compiled = join(staging, "compiled");
  run(process.execPath, [
    join(root, "node_modules/typescript/bin/tsc"),
    "-p",
    "tsconfig.build.json",
    "--outDir",
    compiled,
  ]);
  mkdirSync(target, { recursive: true });
  for (const name of packages) console.log(join(target, pack(name, compiled)));
} finally {
  rmSync(staging, { recursive: true, force: true });
}

function run(command: string, args: readonly string[]): string {
  return execFileSync(command, args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

/** Returns the tarball's name. */
function pack(name: string, compiled: string): string {
  const source = join(root, "packages", name);
  const directory = join(staging, name);
  const manifest = JSON.parse(readFileSync(join(source, "package.json"), "utf8")) as Manifest;
  const published = publishedManifest(manifest);
  mkdirSync(directory);
  cpSync(join(compiled, name, "src"), join(directory, "dist"), { recursive: true });
  cpSync(join(root, "LICENSE"), join(directory, "LICENSE"));
  cpSync(join(source, "README.md"), join(directory, "README.md"));
  writeFileSync(join(directory, "package.json"), `${JSON.stringify(published, null, 2)}\n`);
  for (const path of Object.values(manifest.bin ?? {})) {
    const launcher = launcherOf(readFileSync(join(source, path), "utf8"));
    mkdirSync(join(directory, "bin"), { recursive: true });
    writeFileSync(join(directory, path), launcher, { mode: 0o755 });
  }
  const [packed] = JSON.parse(run("npm", ["pack", directory, "--json", "--pack-destination", target])) as {
    filename: string;
  }[];
  if (!packed) throw new Error(`npm packed nothing of ${name}`);
  return packed.filename;
}
