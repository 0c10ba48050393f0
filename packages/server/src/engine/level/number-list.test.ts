/** Numbers by index, from one use of the memory to the next. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { NumberList } from "./number-list.ts";

it("begins with zeros and keeps what is set, however long it gets", () => {
  const list = new NumberList();
  for (const length of [3, 0, 1024, 1025, 300_000, 5, 1]) {
    list.begin(length);
    for (let i = 0; i < length; i++) assert.equal(list.at(i), 0);
    for (let i = 0; i < length; i++) list.set(i, i + 1);
    for (let i = 0; i < length; i++) assert.equal(list.at(i), i + 1);
  }
});
