import assert from "node:assert/strict";
import { test } from "node:test";
import { Memberships } from "./membership.ts";

const at = (seq: number, epoch = "e1") => ({ log: "#room", epoch, seq });

test("a membership goes from the first position told to the leave, and may come again", () => {
  const members = new Memberships();
  assert.equal(members.isMember("bob"), false);
  members.told("bob", at(1));
  members.joining("bob");
  assert.equal(members.isMember("bob"), true);
  assert.equal(members.includes("bob", at(9)), false);
  members.told("bob", at(3));
  members.joining("bob");
  members.told("bob", at(5));
  members.left("bob", 7);
  members.left("bob", 20);
  members.told("bob", at(8, "e2"));
  assert.equal(members.isMember("bob"), false);
  members.joining("bob");
  members.told("bob", at(10));
  const got = Array.from({ length: 13 }, (_, seq) => seq).filter((seq) => members.includes("bob", at(seq)));
  assert.deepEqual(got, [4, 5, 6, 7, 11, 12]);
  assert.equal(members.epochChanges, 0);
});

test("in another epoch it is those who have not left who are members", () => {
  const members = new Memberships();
  for (const user of ["bob", "carol"]) {
    members.joining(user);
    members.told(user, at(0));
  }
  members.left("carol", 5);
  members.told("bob", at(0, "e2"));
  assert.equal(members.epochChanges, 1);
  assert.equal(members.includes("bob", at(1, "e2")), true);
  assert.equal(members.includes("carol", at(1, "e2")), false);
});
