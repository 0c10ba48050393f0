/** ARCHITECTURE.md is the map: what is not on it, a newcomer does not find. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { it } from "node:test";

const page = readFileSync(new URL("../ARCHITECTURE.md", import.meta.url), "utf8");

it("the map names every file of the client library", () => {
  const files = readdirSync(new URL("../packages/client/src", import.meta.url));
  const sources = files.filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
  const section = page.slice(page.indexOf("## packages/client/src"), page.indexOf("## Beside the packages"));
  assert.deepEqual(
    sources.filter((name) => !section.includes(`\`${name}\``)),
    [],
  );
  assert.ok(sources.length > 30);
});
