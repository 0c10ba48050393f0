/** The layer rules are in biome.json; here is shown that they bite, and that they allow what they should. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "./support/temporary-directory.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

const server = "packages/server/src";
const refused = [
  [`${server}/core/x.ts`, "../engine/level/level-engine.ts"],
  [`${server}/core/x.ts`, "../gateway/outbox.ts"],
  [`${server}/core/x.ts`, "../auth/authentication.ts"],
  [`${server}/core/x.ts`, "ws"],
  [`${server}/auth/x.ts`, "../http/http-listener.ts"],
  [`${server}/auth/x.ts`, "../engine/memory.ts"],
  [`${server}/core/x.ts`, "node:net"],
  [`${server}/engine/level/x.ts`, "../../core/core.ts"],
  [`${server}/gateway/native/x.ts`, "../../engine/level/level-engine.ts"],
  [`${server}/cli/x.ts`, "../core/core.ts"],
  ["packages/client/src/x.ts", "node:net"],
  ["packages/client/src/x.ts", "@parley/protocol/validate"],
  ["packages/protocol/src/x.ts", "node:fs"],
  ["packages/protocol/src/x.ts", "@parley/client"],
] as const;

const allowed = [
  [`${server}/core/x.ts`, "../engine/engine.ts"],
  [`${server}/auth/x.ts`, "../engine/engine.ts"],
  [`${server}/gateway/native/x.ts`, "../../core/core.ts"],
  [`${server}/server.ts`, "./engine/level/level-engine.ts"],
  ["packages/client/src/x.ts", "@parley/protocol"],
] as const;

it("refuses imports against the layers, and no others", (t) => {
  const directory = temporaryDirectory(t);
  const config = JSON.parse(readFileSync(join(root, "biome.json"), "utf8")) as Record<string, unknown>;
  writeFileSync(join(directory, "biome.json"), JSON.stringify({ ...config, vcs: { enabled: false } }));
  const cases = [...refused, ...allowed].map(([path, module], i) => ({
    file: path.replace("x.ts", `case-${i}.ts`),
    path,
    module,
  }));
  for (const { file, module } of cases) {
    mkdirSync(join(directory, dirname(file)), { recursive: true });
    writeFileSync(join(directory, file), `import * as imported from "${module}";\n\nconsole.log(imported);\n`);
  }
  const biome = join(root, "node_modules/.bin/biome");
  const { stdout, stderr } = spawnSync(biome, ["lint", "--max-diagnostics=none", "--colors=off"], {
    cwd: directory,
    encoding: "utf8",
  });
  const output = stdout + stderr;
  assert.match(output, new RegExp(`Checked ${cases.length + 1} files`), output);
  const bitten = cases.filter(({ file }) => new RegExp(`${file}:\\S+ lint/style/noRestrictedImports`).test(output));
  assert.deepEqual(
    bitten.map(({ path, module }) => [path, module]),
    refused,
  );
});
