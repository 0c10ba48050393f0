/** What comes with the server (checklist, point 20): few packages, pinned and verified, and no script of theirs runs unnamed. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

const root = join(import.meta.dirname, "../..");

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly license?: string;
  readonly hasInstallScript?: boolean;
}

const read = (file: string) => JSON.parse(readFileSync(join(root, file), "utf8")) as Record<string, unknown>;
const manifest = read("package.json") as { allowScripts: Record<string, boolean> };
const lock = read("package-lock.json") as { packages: Record<string, Locked> };
const nameOf = (path: string) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
const foreign = Object.entries(lock.packages).filter(([path, { link }]) => path.includes("node_modules/") && !link);

/** Of everything that runs, with all that it needs. Each one more is code that nobody here has read. */
const mostRuntimePackages = 140;

describe("the packages that the server needs", () => {
  it("are locked with a version and a checksum, and come from the registry", () => {
    assert.ok(foreign.length > 20);
    for (const [path, { version, integrity, resolved }] of foreign) {
      assert.match(version ?? "", /^\d+\.\d+\.\d+/, path);
      assert.match(integrity ?? "", /^sha512-/, path);
      if (resolved !== undefined) assert.match(resolved, /^https:\/\/registry\.npmjs\.org\//, path);
    }
  });

  it("are few", () => {
    const runtime = new Set(
      foreign.filter(([, { dev, devOptional }]) => !dev && !devOptional).map(([path]) => nameOf(path)),
    );
    assert.ok(runtime.size <= mostRuntimePackages, `${runtime.size} packages: ${[...runtime].join(" ")}`);
  });

  it("have permissive licences", () => {
    const permissive = /^\(?(MIT|MIT-0|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD|BlueOak-1\.0\.0|CC0-1\.0|Unlicense)\b/;
    for (const [path, { license }] of foreign) assert.match(license ?? "", permissive, path);
  });

  it("run no script when they are installed that package.json does not allow by name", () => {
    const scripted = foreign.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => nameOf(path));
    const allowed = manifest.allowScripts;
    assert.deepEqual(scripted.filter((name) => !allowed[name]).sort(), []);
    assert.deepEqual(
      Object.keys(allowed).filter((name) => !scripted.includes(name)),
      [],
      "allowed without a need",
    );
  });

  it("are asked for by the registry's names and ranges, not by addresses", () => {
    for (const file of ["package.json", ...globSync("packages/*/package.json", { cwd: root })]) {
      const { dependencies = {}, devDependencies = {} } = read(file) as Record<string, Record<string, string>>;
      for (const [name, range] of Object.entries({ ...dependencies, ...devDependencies }))
        assert.match(range, /^[~^]?\d+\.\d+\.\d+$/, `${name} in ${file}`);
    }
  });
});
