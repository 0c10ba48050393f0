/** docs/limits.md and the settings are the same: every setting of `limits` is there with its default, and nothing else. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { settings } from "../../packages/server/src/settings.ts";

test("the table of docs/limits.md has every limit with its default", () => {
  const page = readFileSync(new URL("../../docs/limits.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| `(limits\.[\w.]+)` \| (.+?) \|/gm)].map(([, key, value]) => [key, value]);
  const expected = Object.entries(settings)
    .filter(([key]) => key.startsWith("limits."))
    .map(([key, { fallback }]) => {
      const values = [fallback].flat();
      return [key, values.map((value) => (typeof value === "number" ? `${value}` : `\`${value}\``)).join(", ")];
    });
  assert.deepEqual(rows.toSorted(), expected.toSorted());
});
