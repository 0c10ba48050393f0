/**
 * PROTOCOL.md and the validators say the same. The second half shows that the comparison can fail: it plants one
 * mistake after the other in the page's text, in memory, and looks for the report.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { comparePage } from "./protocol-page/comparison.ts";
import { mistakes } from "./protocol-page/mistakes.ts";

const page = readFileSync(new URL("../PROTOCOL.md", import.meta.url), "utf8");

describe("PROTOCOL.md", () => {
  it("says what the validators and the error table say", () => {
    assert.deepEqual(comparePage(page), []);
  });
});

describe("the comparison of PROTOCOL.md reports", () => {
  for (const { what, find, replace, reports } of mistakes) {
    it(what, () => {
      const mistaken = page.replace(find, replace);
      assert.notEqual(mistaken, page, "the mistake could not be planted");
      const faults = comparePage(mistaken);
      assert.ok(
        faults.some((fault) => fault.startsWith(reports)),
        `reported: ${faults.join("\n") || "nothing"}`,
      );
    });
  }
});
