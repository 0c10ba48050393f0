/** docs/security.md names the tests of each of the twenty points: they are there, by these names. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/security.md"), "utf8");
const points = page.split(/^## (?=\d+\. )/m).slice(1);

interface Named {
  readonly file: string;
  readonly name: string;
}

function testsOf(point: string): Named[] {
  const lines = point.split("\n").filter((line) => line.startsWith("- "));
  return lines.map((line) => {
    const [, file, name] = /^- `([^`]+\.test\.ts)`: "(.+)"$/.exec(line) ?? [];
    assert.ok(file && name, `not a test: ${line}`);
    return { file, name };
  });
}

it("has the twenty points, in order", () => {
  assert.deepEqual(
    points.map((point) => Number.parseInt(point, 10)),
    Array.from({ length: 20 }, (_, n) => n + 1),
  );
});

for (const point of points)
  it(`names tests that exist: ${point.split("\n", 1)[0]}`, () => {
    const named = testsOf(point);
    assert.ok(named.length > 0, "no test is named");
    for (const { file, name } of named) {
      assert.ok(existsSync(join(root, file)), `there is no ${file}`);
      const text = readFileSync(join(root, file), "utf8").replaceAll('\\"', '"');
      assert.ok(text.includes(name), `${file} has no test "${name}"`);
    }
  });

it("names files that exist in its table of faults", () => {
  const files = [...page.matchAll(/^\|.*`(test\/[^`]+)` \|$/gm)].map(([, file = ""]) => file);
  assert.ok(files.length >= 8);
  for (const file of files) assert.ok(existsSync(join(root, file)), file);
});
