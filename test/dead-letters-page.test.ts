/** docs/dead-letters.md names every reason, with the meaning that the code has. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { deadReasons } from "@parley/protocol";

it("docs/dead-letters.md has the reasons of the code, and no others", () => {
  const page = readFileSync(new URL("../docs/dead-letters.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| `(\w+)` \| ([^|]+) \|/gm)].map(([, reason, meaning]) => [reason, meaning]);
  assert.deepEqual(rows, Object.entries(deadReasons));
});
