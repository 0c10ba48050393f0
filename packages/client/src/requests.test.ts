import assert from "node:assert/strict";
import { test } from "node:test";
import { testParts } from "../testing/parts.ts";
import { ParleyError } from "./errors.ts";

function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "resolved",
    (error: ParleyError) => error.code,
  );
}

test("gives each answer to its question", async () => {
  const { requests, sent } = testParts();
  const [join, rooms] = [requests.ask<"join">({ op: "join", room: "#a" }), requests.ask<"rooms">({ op: "rooms" })];
  const [joinRef, roomsRef] = sent.map(({ ref }) => String(ref)) as [string, string];
  assert.ok(requests.answered({ op: "rooms", ref: roomsRef, rooms: [] }));
  assert.ok(requests.answered({ op: "error", ref: joinRef, code: "bad_name", message: "no" }));
  assert.ok(!requests.answered({ op: "error", ref: joinRef, code: "bad_name", message: "again" }));
  assert.deepEqual((await rooms).rooms, []);
  assert.equal(await codeOf(join), "bad_name");
});

test("asks again after a reconnect, and takes not_member to a repeated leave for done", async () => {
  const { requests, sent, connection, environment } = testParts();
  const repeated = requests.ask<"leave">({ op: "leave", room: "#a" });
  connection.isOnline = false;
  const first = requests.ask<"leave">({ op: "leave", room: "#b" });
  connection.isOnline = true;
  requests.connected();
  assert.deepEqual(
    sent.map(({ room }) => room),
    ["#a", "#a", "#b"],
  );
  for (const { ref } of sent.slice(1))
    requests.answered({ op: "error", ref: String(ref), code: "not_member", message: "" });
  assert.equal(await codeOf(repeated), "resolved");
  assert.equal(await codeOf(first), "not_member", "it was asked only once");
  assert.deepEqual(environment.timers, []);
});

test("rejects after the time limit, and when closed", async () => {
  const { requests, environment } = testParts({ requestTimeoutMs: 1000 });
  const late = requests.ask<"rooms">({ op: "rooms" });
  environment.advance(1000);
  assert.equal(await codeOf(late), "timeout");
  const open = requests.ask<"rooms">({ op: "rooms" });
  requests.close(new ParleyError("closed", ""));
  assert.equal(await codeOf(open), "closed");
  assert.equal(await codeOf(requests.ask<"rooms">({ op: "rooms" })), "closed");
  assert.deepEqual(environment.timers, []);
});

test("asks again after rate_limited, when it is told to", async () => {
  const { requests, sent, environment } = testParts({ requestTimeoutMs: 10_000 });
  const rooms = requests.ask<"rooms">({ op: "rooms" });
  const ref = String(sent.splice(0)[0]?.ref);
  assert.ok(requests.answered({ op: "error", ref, code: "rate_limited", message: "", retryAfter: 1200 }));
  environment.advance(1199);
  assert.equal(sent.length, 0);
  environment.advance(1);
  assert.equal(sent.length, 1);
  requests.answered({ op: "rooms", ref, rooms: [] });
  assert.deepEqual((await rooms).rooms, []);
  assert.deepEqual(environment.timers, []);

  const late = requests.ask<"rooms">({ op: "rooms" });
  const lateRef = String(sent[1]?.ref);
  requests.answered({ op: "error", ref: lateRef, code: "rate_limited", message: "", retryAfter: 20_000 });
  environment.advance(10_000);
  assert.equal(await codeOf(late), "timeout");
  assert.deepEqual(environment.timers, []);
});
