import assert from "node:assert/strict";
import { test } from "node:test";
import { DeliveryOrder } from "./delivery-order.ts";

const at = (seq: number, epoch = "e1", log = "#room") => ({ log, epoch, seq });

test("seqs and each sender's lines ascend, for each user and log", () => {
  const order = new DeliveryOrder();
  assert.ok(order.follows("bob", at(5), "alice", 10));
  assert.ok(order.follows("bob", at(7), "carol", 3));
  assert.ok(order.follows("carol", at(5), "alice", 10));
  assert.ok(order.follows("bob", at(1, "e1", "bob"), "alice", 2));
  assert.equal(order.follows("bob", at(6), "alice", 11), false);
  assert.equal(order.follows("bob", at(8), "alice", 9), false);
  assert.equal(order.follows("bob", at(8), "alice", 12), false);
  assert.ok(order.follows("bob", at(9), "alice", 13));
});

test("a new epoch counts anew, lines do not", () => {
  const order = new DeliveryOrder();
  assert.ok(order.follows("bob", at(5), "alice", 10));
  assert.ok(order.follows("bob", at(1, "e2"), "alice", 11));
  assert.equal(order.follows("bob", at(2, "e2"), "alice", 4), false);
});
