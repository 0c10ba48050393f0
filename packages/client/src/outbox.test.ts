import assert from "node:assert/strict";
import { test } from "node:test";
import { testParts } from "../testing/parts.ts";
import { send } from "../testing/persistence-contract.ts";
import { settle } from "../testing/wait.ts";
import { ParleyError } from "./errors.ts";

function create(options: Parameters<typeof testParts>[0] = {}) {
  const parts = testParts(options);
  const outcomes: string[] = [];
  const add = (clientId: string, body?: string) => parts.outbox.add(send(clientId, body), outcome(clientId));
  const outcome = (clientId: string) => ({
    resolve: ({ id }: { id: string }) => outcomes.push(`${clientId} stored as ${id}`),
    reject: ({ code }: ParleyError) => outcomes.push(`${clientId} refused: ${code}`),
  });
  /** The clientIds on the wire since the last call, and the answer to one of them. */
  const wire = () => parts.sent.splice(0).map((frame) => frame.clientId);
  const refs = new Map<unknown, string>();
  const note = () => {
    for (const { clientId, ref } of parts.sent) refs.set(clientId, String(ref));
  };
  const accept = (clientId: string) => {
    note();
    parts.outbox.accepted({ op: "ok", ref: refs.get(clientId), id: `m-${clientId}` });
  };
  const refuse = (clientId: string, code: string, retryAfter = 0) => {
    note();
    parts.outbox.refused({ op: "error", ref: refs.get(clientId), code, message: "", retryAfter });
  };
  return { ...parts, add, outcome, outcomes, wire, accept, refuse, note };
}

test("sends at once while connected, in order, and settles each by its answer, in any order", async () => {
  const { outbox, add, accept, refuse, outcomes, wire, note } = create();
  for (const clientId of ["a", "b", "c"]) add(clientId);
  note();
  assert.deepEqual(wire(), ["a", "b", "c"]);
  refuse("b", "not_member");
  accept("c");
  let emptied = false;
  const waiting = outbox.emptied().then(() => {
    emptied = true;
  });
  await settle();
  assert.ok(!emptied);
  accept("a");
  await waiting;
  assert.deepEqual(outcomes, ["b refused: not_member", "c stored as m-c", "a stored as m-a"]);
  assert.equal(outbox.size, 0);
});

test("what has no answer goes again after a reconnect, in the first order, before anything newer", () => {
  const { outbox, add, accept, connection, wire, note, sent } = create();
  for (const clientId of ["a", "b", "c", "d"]) add(clientId);
  const first = sent[1];
  note();
  wire();
  accept("c");
  connection.isOnline = false;
  outbox.disconnected();
  add("e");
  connection.isOnline = true;
  outbox.connected(Number.POSITIVE_INFINITY);
  assert.deepEqual(sent[1], first);
  assert.deepEqual(wire(), ["a", "b", "d", "e"]);
});

test("what a former process left goes before everything else", () => {
  const { outbox, add, connection, outcome, wire } = create();
  connection.isOnline = false;
  add("new");
  outbox.restore([send("old-2"), send("old-1")], ({ clientId }) => outcome(clientId));
  connection.isOnline = true;
  outbox.connected(Number.POSITIVE_INFINITY);
  assert.deepEqual(wire(), ["old-2", "old-1", "new"]);
});

test("keeps no more than the window on the wire", () => {
  const { add, accept, wire, note } = create({ sendWindow: 2 });
  for (const clientId of ["a", "b", "c", "d"]) add(clientId);
  note();
  assert.deepEqual(wire(), ["a", "b"]);
  accept("b");
  assert.deepEqual(wire(), ["c"]);
});

test("after storage_unavailable it waits, and goes on in order when all answers are in", () => {
  const { add, accept, refuse, wire, note, environment, events, outcomes } = create();
  for (const clientId of ["a", "b", "c"]) add(clientId);
  note();
  wire();
  refuse("a", "storage_unavailable");
  refuse("b", "storage_unavailable");
  add("d");
  assert.deepEqual(wire(), []);
  assert.deepEqual(
    events.map(([name, event]) => [name, (event as { type: string }).type]),
    [["error", "send"]],
  );
  environment.advance(20_000);
  assert.deepEqual(wire(), [], "c is still under way: its answer might come after a repeat of a");
  refuse("c", "storage_unavailable");
  assert.deepEqual(wire(), ["a"], "alone: were it refused again, the others would overtake it");
  refuse("a", "storage_unavailable");
  environment.advance(20_000);
  assert.deepEqual(wire(), ["a"]);
  accept("a");
  assert.deepEqual(wire(), ["b", "c", "d"]);
  assert.deepEqual(outcomes, ["a stored as m-a"]);
});

test("a send that the server refuses because it is going down is repeated on the next connection", () => {
  const { outbox, add, refuse, wire, outcomes, connection, note } = create();
  add("a");
  note();
  wire();
  refuse("a", "shutting_down");
  connection.isOnline = false;
  outbox.disconnected();
  connection.isOnline = true;
  outbox.connected(Number.POSITIVE_INFINITY);
  assert.deepEqual(wire(), ["a"]);
  assert.deepEqual(outcomes, []);
});

test("a frame that the server would close the connection over is refused here, counted in bytes", () => {
  const { outbox, add, outcomes, wire } = create();
  outbox.connected(1000);
  add("fits", "x".repeat(900));
  add("ascii", "x".repeat(1000));
  add("wide", "€".repeat(400));
  assert.deepEqual(wire(), ["fits"]);
  assert.deepEqual(outcomes, ["ascii refused: too_large", "wide refused: too_large"]);
});

test("is full at its limit, and refuses everything when closed", async () => {
  const { outbox, add, outcomes, connection } = create({ maxOutbox: 2 });
  connection.isOnline = false;
  add("a");
  assert.ok(!outbox.isFull);
  add("b");
  assert.ok(outbox.isFull);
  const emptied = outbox.emptied();
  outbox.close(new ParleyError("closed", ""));
  await emptied;
  assert.deepEqual(outcomes, ["a refused: closed", "b refused: closed"]);
});

test("is full by the characters too, and has room again when some were answered or refused", () => {
  const { outbox, add, accept, note } = create({ maxOutboxCharacters: 1000 });
  outbox.connected(2000);
  add("a", "x".repeat(600));
  add("b", "x".repeat(600));
  assert.ok(outbox.isFull);
  note();
  accept("a");
  assert.ok(!outbox.isFull);
  add("too long for a frame", "x".repeat(3000));
  assert.ok(!outbox.isFull);
  accept("b");
  add("c", "x".repeat(900));
  assert.ok(!outbox.isFull, "exactly what is waiting counts");
});

test("knows nothing of answers to others", () => {
  const { outbox } = create();
  assert.equal(outbox.accepted({ op: "ok", ref: "r1" }), undefined);
  assert.equal(outbox.accepted({ op: "ok" }), undefined);
  assert.equal(outbox.refused({ op: "error", code: "internal", message: "" }), false);
});

test("rate_limited: all wait for as long as they are told, and go again in order, half as many at a time", () => {
  const { add, accept, refuse, environment, wire, note, outcomes } = create({ sendWindow: 4 });
  const leave = () => {
    note();
    return wire();
  };
  for (const clientId of ["a", "b", "c", "d", "e", "f"]) add(clientId);
  assert.deepEqual(leave(), ["a", "b", "c", "d"]);
  accept("a");
  assert.deepEqual(leave(), ["e"]);
  for (const clientId of ["b", "c", "d", "e"]) refuse(clientId, "rate_limited", 1500);
  environment.advance(1499);
  assert.deepEqual(leave(), []);
  environment.advance(1000);
  assert.deepEqual(leave(), ["b"], "one alone first");
  accept("b");
  assert.deepEqual(leave(), ["c", "d"], "then half of the window");
  for (const clientId of ["c", "d"]) accept(clientId);
  assert.deepEqual(leave(), ["e", "f"]);
  assert.deepEqual(outcomes, ["a stored as m-a", "b stored as m-b", "c stored as m-c", "d stored as m-d"]);
});
