/** A list that is added to one by one, as the array that it is. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { withNext } from "./short-list.ts";

it("keeps all that was added, in order", () => {
  let list = [0];
  for (let n = 1; n < 40; n++) {
    list = withNext(list, n);
    assert.deepEqual(
      list,
      Array.from({ length: n + 1 }, (_, i) => i),
    );
  }
});
