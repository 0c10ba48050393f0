import assert from "node:assert/strict";
import { test } from "node:test";
import { at, testParts, wire } from "../testing/parts.ts";
import { settle } from "../testing/wait.ts";
import { HandlerConsumer } from "./message-handler.ts";
import { type Change, memoryPersistence, type Persistence } from "./persistence.ts";

test("one cumulative ack per log and turn, however many messages were handled", () => {
  const { acks, cursors, environment, sent } = testParts();
  const alice = cursors.set(at("alice", 0));
  const room = cursors.set(at("#room", 10));
  cursors.admit("alice", 100);
  cursors.admit("#room", 20);
  for (let seq = 1; seq <= 100; seq++) acks.handled(alice, seq);
  for (let seq = 11; seq <= 15; seq++) acks.handled(room, seq);
  assert.deepEqual(sent, []);
  environment.turn();
  assert.deepEqual(sent, [
    { op: "ack", log: "alice", seq: 100 },
    { op: "ack", log: "#room", seq: 15 },
  ]);
  environment.turn();
  assert.equal(sent.length, 2);
  acks.handled(room, 16);
  environment.turn();
  assert.deepEqual(sent[2], { op: "ack", log: "#room", seq: 16 });
});

test("a long turn does not hold the acks back for ever", () => {
  const { acks, cursors, sent } = testParts();
  const cursor = cursors.set(at("alice", 0));
  cursors.admit("alice", 1000);
  for (let seq = 1; seq <= 600; seq++) acks.handled(cursor, seq);
  assert.deepEqual(
    sent.map(({ seq }) => seq),
    [256, 512],
  );
});

test("never acknowledges what was not received, nor backwards", () => {
  const { acks, cursors, environment, sent } = testParts();
  const cursor = cursors.set(at("alice", 3));
  acks.acknowledge(cursor, 99, {});
  acks.acknowledge(cursor, 1, {});
  environment.turn();
  assert.deepEqual(sent, [{ op: "ack", log: "alice", seq: 3 }]);
});

test("tells what was read, also below what was handled, and after a reconnect if it could not before", () => {
  const { acks, cursors, environment, sent, connection } = testParts();
  const cursor = cursors.set(at("alice", 0));
  cursors.admit("alice", 10);
  acks.handled(cursor, 10);
  acks.acknowledge(cursor, 7, { read: true });
  connection.isOnline = false;
  environment.turn();
  assert.deepEqual(sent, []);
  connection.isOnline = true;
  for (const unread of cursors.withReadMarks()) acks.mark(unread);
  environment.turn();
  assert.deepEqual(sent, [
    { op: "ack", log: "alice", seq: 7, read: true },
    { op: "ack", log: "alice", seq: 10 },
  ]);
  acks.acknowledge(cursor, 10, { read: true });
  environment.turn();
  assert.deepEqual(sent.slice(2), [{ op: "ack", log: "alice", seq: 10, read: true }]);
});

test("a cursor that was reset meanwhile is not acknowledged", () => {
  const { acks, cursors, environment, sent } = testParts();
  const old = cursors.set(at("alice", 0));
  cursors.admit("alice", 5);
  acks.handled(old, 5);
  cursors.set(at("alice", 2, "new"));
  environment.turn();
  assert.deepEqual(sent, []);
});

test("a reset during a save is neither overwritten by it nor acknowledged after it", async () => {
  const saves: { changes: readonly Change[]; finish: () => void }[] = [];
  const slow: Persistence = {
    ...memoryPersistence(),
    save: (changes) => new Promise((finish) => saves.push({ changes: [...changes], finish })),
  };
  const { acks, cursors, environment, sent, ledger } = testParts({ persistence: slow });
  await ledger.load();
  const old = cursors.set(at("alice", 0));
  cursors.admit("alice", 9);
  acks.handled(old, 5);
  environment.turn(); // acks flush
  environment.turn(); // ledger saves
  acks.handled(old, 6);
  cursors.set(at("alice", 2, "new"));
  ledger.write({ type: "position", position: at("alice", 2, "new") });
  environment.turn();
  saves[0]?.finish();
  await settle();
  environment.turn();
  assert.deepEqual(saves[1]?.changes, [{ type: "position", position: at("alice", 2, "new") }]);
  saves[1]?.finish();
  await settle();
  assert.deepEqual(sent, []);
});

test("hands out no more than may be unsaved, and goes on when it is saved", async () => {
  const finishes: (() => void)[] = [];
  const save = () => new Promise<void>((finish) => finishes.push(finish));
  const persistence: Persistence = { ...memoryPersistence(), save };
  const { inbox, cursors, environment, ledger } = testParts({ persistence, maxUnsaved: 2 });
  await ledger.load();
  cursors.set(at("alice", 0));
  const handled: number[] = [];
  new HandlerConsumer(inbox, ({ seq }) => handled.push(seq));
  for (let seq = 1; seq <= 5; seq++) inbox.message(wire("alice", seq));
  assert.deepEqual(handled, [1, 2]);
  environment.turn();
  inbox.message(wire("alice", 6));
  assert.deepEqual(handled, [1, 2]);
  finishes[0]?.();
  await settle();
  assert.deepEqual(handled, [1, 2, 3, 4]);
  environment.turn();
  finishes[1]?.();
  await settle();
  assert.deepEqual(handled, [1, 2, 3, 4, 5, 6]);
});

test("with a persistence the ack leaves after the position is saved, and hello claims no more than that", async () => {
  const saves: { changes: readonly Change[]; finish: () => void }[] = [];
  const slow: Persistence = {
    ...memoryPersistence(),
    save: (changes) => new Promise((finish) => saves.push({ changes, finish })),
  };
  const { acks, cursors, environment, sent, ledger } = testParts({ persistence: slow });
  await ledger.load();
  const cursor = cursors.set(at("alice", 0));
  cursors.admit("alice", 5);
  acks.handled(cursor, 4);
  environment.turn(); // acks flush
  environment.turn(); // ledger saves
  assert.deepEqual(
    saves.map(({ changes }) => changes),
    [[{ type: "position", position: at("alice", 4) }]],
  );
  acks.handled(cursor, 5);
  environment.turn();
  assert.deepEqual(sent, []);
  assert.deepEqual(cursors.resumePositions(), [at("alice", 0)]);
  saves[0]?.finish();
  await settle();
  assert.deepEqual(sent, [{ op: "ack", log: "alice", seq: 4 }]);
  assert.deepEqual(cursors.resumePositions(), [at("alice", 4)]);
});
